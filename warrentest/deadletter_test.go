package warrentest_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

func TestDeadLettersOfAWorker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		h        handler.Handler
		reason   string
		err      string
		attempts int
	}{
		{"out of attempts", handler.Func(fails), message.ReasonError, errBusy.Error(), 4},
		{"permanent", inTurn([]error{retry.Permanent(errBusy)}), message.ReasonPermanent, errBusy.Error(), 1},
		{
			"undecodable", handler.Typed(func(context.Context, int) error { return nil }), message.ReasonDecode,
			`handler: decode content type "text/plain": no codec accepts it, want application/json`, 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, start := warrentest.NewBroker(t), time.Now()
				warrentest.Run(t, emailer(b, tt.h.Handle))
				b.Publish("events", "user.signed_up", []byte("body"), broker.WithContentType("text/plain"),
					broker.WithProperties(broker.Properties{Type: "signup", Timestamp: start}), broker.WithMessageID("m-1"), broker.WithCorrelationID("c-1"), broker.WithHeader("tenant", "acme"))
				b.WaitIdle()
				dead := b.DeadLetters("email")
				if len(dead) != 1 {
					t.Fatalf("%d dead letters, want 1", len(dead))
				}
				d := dead[0]
				if d.Reason != tt.reason || d.Error != tt.err || d.Attempts != tt.attempts {
					t.Errorf("dead for %s (%s) after %d attempts, want %s (%s) and %d", d.Reason, d.Error, d.Attempts, tt.reason, tt.err, tt.attempts)
				}
				if d.Exchange != "events" || d.RoutingKey != "user.signed_up" || string(d.Body) != "body" ||
					d.ContentType != "text/plain" || d.MessageID != "m-1" || d.CorrelationID != "c-1" || d.Type != "signup" ||
					!d.Timestamp.Equal(start) || d.Headers["tenant"] != "acme" {
					t.Errorf("got %+v, want the message as it was published", d.Message)
				}
				if !d.FailedAt.Equal(time.Now()) {
					t.Errorf("failed at %v, want %v", d.FailedAt, time.Now())
				}
			})
		})
	}
}

// paused returns a worker that handles nothing.
func paused(b *warrentest.Broker, change func(*worker.Queue)) *worker.Worker {
	q := worker.Queue{Name: "email", Exchange: "events", Retry: days}
	change(&q)
	w := worker.New(worker.Config{Broker: b.Config(), Logger: slog.New(slog.DiscardHandler)})
	sub := w.Queue(q)
	sub.Handle("#", handler.Func(done))
	sub.Pause()
	return w
}

// TestDeadLettersOfQueueLimits checks messages that exceed a limit of their queue. The broker
// dead-letters them itself and records no attempt; a partition's worker counts the deliveries.
func TestDeadLettersOfQueueLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		kill     func(*testing.T, *warrentest.Broker)
		reason   string
		attempts int
	}{
		{"waited too long", func(t *testing.T, b *warrentest.Broker) {
			stop(t, warrentest.Run(t, emailer(b, done, short)))
			b.Publish("events", "user.signed_up", "body")
			time.Sleep(2 * time.Hour)
		}, "expired", 0},
		{"waited too long for its second attempt", func(t *testing.T, b *warrentest.Broker) {
			run := warrentest.Run(t, emailer(b, fails, short))
			b.Publish("events", "user.signed_up", "body")
			run.WaitSettled("email", 1)
			stop(t, run)
			warrentest.Run(t, paused(b, short)) // the parked message returns to its queue
			time.Sleep(3 * time.Hour)
		}, "expired", 1},
		{"delivered too often", deliver(short), "delivery_limit", 0},
		{"delivered too often from a partition, which its worker counts", deliver(short, func(q *worker.Queue) {
			q.Partitions, q.OrderBy = 2, func(m *message.Message) string { return m.RoutingKey }
		}), "delivery_limit", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := warrentest.NewBroker(t)
				tt.kill(t, b)
				dead := b.DeadLetters("email")
				if len(dead) != 1 {
					t.Fatalf("%d dead letters, want 1", len(dead))
				}
				d := dead[0]
				if d.Reason != tt.reason || d.Attempts != tt.attempts || d.FailedAt.IsZero() != (tt.attempts == 0) {
					t.Errorf("dead for %s after %d attempts, the last at %v, want %s and %d", d.Reason, d.Attempts, d.FailedAt, tt.reason, tt.attempts)
				}
				if d.Exchange != "events" || d.RoutingKey != "user.signed_up" || string(d.Body) != `"body"` {
					t.Errorf("got %+v, want the message as it was published", d.Message)
				}
			})
		})
	}
}

// short sets limits after which the broker dead-letters messages.
func short(q *worker.Queue) { q.MessageTTL, q.DeliveryLimit, q.Timeout = 90*time.Minute, 2, -1 }

// deliver has the connection lost during each delivery of a message.
func deliver(change ...func(*worker.Queue)) func(*testing.T, *warrentest.Broker) {
	return func(t *testing.T, b *warrentest.Broker) {
		warrentest.Run(t, emailer(b, lost, change...))
		b.Publish("events", "user.signed_up", "body")
		for range 3 {
			time.Sleep(time.Minute)
			b.Drop()
		}
		b.WaitIdle()
	}
}

// lost is a handler that cuts its connection before it returns.
func lost(ctx context.Context, _ *message.Message) error {
	time.Sleep(2 * time.Minute)
	return ctx.Err()
}

func stop(t *testing.T, run *warrentest.Running) {
	t.Helper()
	if err := run.Stop(); err != nil {
		t.Error(err)
	}
}

func TestWaitingShowsMessagesThatWereNotReceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		stop(t, warrentest.Run(t, emailer(b, done)))
		for _, body := range []string{"first", "second"} {
			b.Publish("events", "user."+body, body, broker.WithPriority(3))
		}
		for range 2 { // Waiting does not change the queue
			got := b.Waiting("email")
			if len(got) != 2 || got[0].RoutingKey != "user.first" || string(got[1].Body) != `"second"` || got[1].Redelivered {
				t.Errorf("got %+v, want both in order", got)
			}
		}
	})
}

// TestDeadLettersWithTheRecordOfAnotherQueue checks that a failure in another queue does not
// hide how the message was dead-lettered here.
func TestDeadLettersWithTheRecordOfAnotherQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		stop(t, warrentest.Run(t, emailer(b, done, short)))
		b.Publish("events", "key", 1, broker.WithHeaders(message.Headers{
			record.HeaderQueue: "invoice", record.HeaderReason: message.ReasonPanic, record.HeaderAttempt: 7,
		}))
		time.Sleep(2 * time.Hour)
		if dead := b.DeadLetters("email"); len(dead) != 1 || dead[0].Reason != "expired" || dead[0].Attempts != 0 {
			t.Errorf("got %+v, want one that expired", dead)
		}
	})
}

// TestDeadLettersInAQueueOfAnotherName: two queues share it, and WaitIdle lets it hold messages.
func TestDeadLettersInAQueueOfAnotherName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		w := worker.New(worker.Config{Broker: b.Config(), Logger: slog.New(slog.DiscardHandler)})
		for _, name := range []string{"email", "sms"} {
			w.Queue(worker.Queue{Name: name, DeadLetters: topology.DeadLetters{Queue: "graveyard"}}).
				Handle("#", inTurn([]error{retry.Permanent(errBusy)}))
		}
		warrentest.Run(t, w)
		b.Publish("", "email", "a")
		b.Publish("", "sms", "b")
		b.WaitIdle()
		if n := len(b.DeadLetters("email")); n != 2 {
			t.Errorf("%d dead letters, want 2", n)
		}
	})
}
