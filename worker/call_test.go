package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

type question struct{ N int }

type answer struct{ Square int }

func square(_ context.Context, q question) (answer, error) { return answer{q.N * q.N}, nil }

// missingError is an error with a reason of its own.
type missingError struct{}

func (missingError) Error() string  { return "no such customer" }
func (missingError) Reason() string { return "not_found" }

func TestCallReturnsWhatTheHandlerReturns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		fn         func(attempt int) error
		body       any
		want       string // the reason of the error, or empty
		text       string
		attempts   int32
		deadLetter bool
	}{
		{name: "a reply", attempts: 1},
		{name: "a permanent error is returned at once", fn: func(int) error { return retry.Permanent(errors.New("closed account")) }, want: message.ReasonPermanent, text: "closed account", attempts: 1, deadLetter: true},
		{name: "an error may have a reason of its own", fn: func(int) error { return retry.Permanent(missingError{}) }, want: "not_found", text: "no such customer", attempts: 1, deadLetter: true},
		{name: "a temporary error is retried", fn: func(attempt int) error {
			if attempt < 3 {
				return errors.New("busy")
			}
			return nil
		}, attempts: 3},
		{name: "the last attempt's error is returned", fn: func(attempt int) error { return fmt.Errorf("busy %d", attempt) }, want: message.ReasonError, text: "busy 3", attempts: 3, deadLetter: true},
		{name: "a retry after the deadline is not made", fn: func(int) error { return retry.After(time.Hour, errors.New("come back later")) }, want: message.ReasonError, text: "come back later", attempts: 1, deadLetter: true},
		{name: "a snooze until after the deadline is an error", fn: func(int) error { return retry.Snooze(time.Hour) }, want: message.ReasonError, text: "retry: snoozed for 1h0m0s", attempts: 1, deadLetter: true},
		{name: "a discarded message is an error", fn: func(int) error { return retry.Discard(errors.New("not wanted")) }, want: message.ReasonError, text: "not wanted", attempts: 1},
		{name: "a panic is an error", fn: func(int) error { panic("oh no") }, want: message.ReasonPanic, text: "panic: oh no", attempts: 3, deadLetter: true},
		{name: "bad JSON is an error", body: "text", want: message.ReasonDecode, deadLetter: true},
		{name: "an invalid value is an error", body: question{-1}, want: message.ReasonInvalid, text: "handler: invalid payload: negative", deadLetter: true},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			var attempts atomic.Int32
			b.run(handler.Replies(func(ctx context.Context, q question) (answer, error) {
				attempts.Add(1)
				if tt.fn != nil {
					if err := tt.fn(message.FromContext(ctx).Attempt); err != nil {
						return answer{}, err
					}
				}
				return square(ctx, q)
			}, handler.WithValidate(func(v any) error {
				if v.(question).N < 0 { //nolint:errcheck,forcetypeassert // see Replies
					return errors.New("negative")
				}
				return nil
			})))
			body := tt.body
			if body == nil {
				body = question{7}
			}
			got, err := broker.Call[answer](b.t.Context(), b.pub, "square", body)
			remote, failed := errors.AsType[*broker.RemoteError](err)
			switch {
			case tt.want == "" && (err != nil || got.Square != 49):
				t.Errorf("got %v, %v; want 49", got, err)
			case tt.want != "" && (!failed || remote.Reason != tt.want || tt.text != "" && remote.Message != tt.text):
				t.Errorf("got %+v (%v), want %s: %s", remote, err, tt.want, tt.text)
			}
			if n := attempts.Load(); n != tt.attempts {
				t.Errorf("%d attempts, want %d", n, tt.attempts)
			}
			if tt.deadLetter {
				b.deadLetter()
			}
		})
	}
}

// TestCallsShareAChannel: many calls at once each get their own reply.
func TestCallsShareAChannel(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 20
		b.run(handler.Replies(square))
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				if got, err := broker.Call[answer](t.Context(), b.pub, "square", question{i}); err != nil || got.Square != i*i {
					t.Errorf("the square of %d is %v, %v", i, got, err)
				}
			})
		}
		all.Wait()
	})
}

func TestCallFailsAtOnceIfNoQueueTakesIt(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.runMux(map[string]handler.Handler{"square": handler.Replies(square)})
		if _, err := broker.Call[answer](t.Context(), b.pub, "root", question{1}); !errors.Is(err, broker.ErrUnroutable) {
			t.Errorf("got %v, want ErrUnroutable", err)
		}
		missing := broker.NewPublisher(broker.Config{URL: b.url, Dial: rabbit.Dial}, b.exchange+"-missing")
		defer func() {
			if err := missing.Close(); err != nil {
				t.Error(err)
			}
		}()
		for range 2 { // the second on a channel of its own
			if _, err := broker.Call[answer](t.Context(), missing, "root", question{1}); !errors.Is(err, broker.ErrUnroutable) {
				t.Errorf("got %v, want ErrUnroutable", err)
			}
		}
		if _, err := broker.Call[answer](t.Context(), b.pub, "square", question{1}, broker.WithCorrelationID("1")); !errors.Is(err, broker.ErrMalformed) {
			t.Errorf("got %v, want ErrMalformed", err)
		}
	})
}

// TestAMessageWithoutReplyToIsHandled as by any other handler.
func TestAMessageWithoutReplyToIsHandled(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Replies(square))
		b.publish("square", question{1})
		if got := b.verdicts(1)[0]; got != worker.Ack {
			t.Errorf("the outcome is %v, want ack", got)
		}
		if e := eventsOf[worker.ReplyFailed](b); len(e) > 0 {
			t.Errorf("a reply failed: %v", e[0].Err)
		}
	})
}

// TestARequestIsDiscardedAfterItsDeadline, unless it was replayed by hand.
func TestARequestIsDiscardedAfterItsDeadline(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var handled atomic.Int32
		b.run(handler.Replies(func(ctx context.Context, q question) (answer, error) {
			handled.Add(1)
			return square(ctx, q)
		}))
		past := amqp.Table{record.HeaderDeadline: time.Now().Add(-time.Second).UnixMilli()}
		b.send(amqp.Publishing{ReplyTo: b.queue.Name, Headers: past, Body: []byte(`{"N":1}`)})
		if got := b.verdicts(1)[0]; got != worker.Discard || handled.Load() != 0 {
			t.Errorf("the outcome is %v, and it was handled %d times; want a discard", got, handled.Load())
		}
		if expired, ok := errors.AsType[*worker.ExpiredError](b.settled()[0].Outcome.Err); !ok || expired.Deadline.IsZero() {
			t.Errorf("the error is %v, want an ExpiredError", b.settled()[0].Outcome.Err)
		}
		past[record.HeaderReplayedAt] = "2026-11-29T09:00:00Z"
		b.send(amqp.Publishing{Headers: past, Body: []byte(`{"N":1}`)})
		if got := b.verdicts(2)[1]; got != worker.Ack || handled.Load() != 1 {
			t.Errorf("the outcome of a replay is %v, and it was handled %d times; want an ack", got, handled.Load())
		}
	})
}

// TestADeadlineInAnotherUnitIsRepliedTo: a caller in another language writes nanoseconds. RabbitMQ
// closes the channel for an expiration beyond ten years.
func TestADeadlineInAnotherUnitIsRepliedTo(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Replies(square, handler.WithReplyQueues(func(string) bool { return true })))
		to, err := b.channel.QueueDeclare("", false, false, true, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.send(amqp.Publishing{ReplyTo: to.Name, Headers: amqp.Table{record.HeaderDeadline: time.Now().UnixNano()}, Body: []byte(`{"N":7}`)})
		b.eventually("the reply is sent", func() bool { return b.depth(to.Name) == 1 || len(eventsOf[worker.ReplyFailed](b)) > 0 })
		if failed := eventsOf[worker.ReplyFailed](b); len(failed) > 0 {
			t.Errorf("the reply failed: %v", failed[0].Err)
		}
	})
}

// TestTheHandlersContextEndsWithTheCall, and the caller's leaving fails nothing.
func TestTheHandlersContextEndsWithTheCall(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Replies(func(ctx context.Context, _ question) (answer, error) {
			<-ctx.Done()
			return answer{}, nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := broker.Call[answer](ctx, b.pub, "square", question{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if got := b.verdicts(1)[0]; got != worker.Ack {
			t.Errorf("the outcome is %v, want ack", got)
		}
	})
}

// TestOnlyAllowedQueuesAreRepliedTo: the publisher of a message chooses its reply-to.
func TestOnlyAllowedQueuesAreRepliedTo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		h    func(queue string) handler.Handler
		want int
	}{
		{"no queue by default", func(string) handler.Handler { return handler.Replies(square) }, 0},
		{"a queue that the handler allows", func(queue string) handler.Handler {
			return handler.Replies(square, handler.WithReplyQueues(func(name string) bool { return name == queue }))
		}, 1},
		{"no queue by a handler that does not reply", func(string) handler.Handler {
			return handler.Typed(func(context.Context, question) error { return nil })
		}, 0},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			replies, err := b.channel.QueueDeclare("", false, false, true, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			b.run(tt.h(replies.Name))
			b.send(amqp.Publishing{ReplyTo: replies.Name, MessageId: "1", Body: []byte(`{"N":3}`)})
			if got := b.verdicts(1)[0]; got != worker.Ack {
				t.Errorf("the outcome is %v, want ack", got)
			}
			b.eventually("the reply or its failure", func() bool { return b.depth(replies.Name)+len(eventsOf[worker.ReplyFailed](b)) > 0 || tt.want == 0 })
			d, ok, err := b.channel.Get(replies.Name, true)
			if err != nil || ok != (tt.want > 0) || ok && (string(d.Body) != `{"Square":9}` || d.CorrelationId != "1") {
				t.Errorf("got %v %q with correlation id %q, %v", ok, d.Body, d.CorrelationId, err)
			}
		})
	}
}

// TestAPanicAboutReplyQueuesIsNoReply: the publisher of a message chooses its reply-to, and must not
// end the worker by it.
func TestAPanicAboutReplyQueuesIsNoReply(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Replies(square, handler.WithReplyQueues(func(name string) bool {
			return strings.Split(name, ".")[1] == "replies"
		})))
		b.send(amqp.Publishing{ReplyTo: "x", MessageId: "1", Body: []byte(`{"N":3}`)})
		if got := b.verdicts(1)[0]; got != worker.Ack {
			t.Errorf("the outcome is %v, want ack", got)
		}
		failed := eventsOf[worker.ReplyFailed](b)
		if len(failed) != 1 {
			t.Fatalf("%d replies failed, want 1", len(failed))
		}
		if _, ok := errors.AsType[*worker.PanicError](failed[0].Err); !ok {
			t.Errorf("got %v, want a PanicError", failed[0].Err)
		}
	})
}

// speechlessError is an error whose own reason cannot be asked for.
type speechlessError struct{}

func (*speechlessError) Error() string  { return "speechless" }
func (*speechlessError) Reason() string { panic("no reason") }

// TestAPanicOfAReasonIsThePanicOfTheHandler also if no failure record needs the reason.
func TestAPanicOfAReasonIsThePanicOfTheHandler(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(error) error{
		"a discarded error": retry.Discard,
		"a snoozed error":   func(err error) error { return errors.Join(retry.Snooze(time.Hour), err) },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Retry.MaxAttempts = 1
			b.run(handler.Replies(func(context.Context, question) (answer, error) { return answer{}, wrap(new(speechlessError)) }))
			_, err := broker.Call[answer](t.Context(), b.pub, "square", question{7})
			if remote, ok := errors.AsType[*broker.RemoteError](err); !ok || remote.Reason != message.ReasonPanic {
				t.Errorf("got %v, want the reason panic", err)
			}
		})
	}
}

// TestALostConnectionEndsCallsAtOnce, and the next call uses the next connection.
func TestALostConnectionEndsCallsAtOnce(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 20
		begun, resume := make(chan struct{}, 100), make(chan struct{})
		b.run(handler.Replies(func(ctx context.Context, q question) (answer, error) {
			if q.N > 0 {
				begun <- struct{}{}
				<-resume
			}
			return square(ctx, q)
		}))
		proxy := rabbit.NewProxy(t, b.url)
		backoff := retry.Policy{MaxInterval: 200 * time.Millisecond}
		pub := broker.NewPublisher(broker.Config{URL: proxy.URL(), Dial: rabbit.Dial, Backoff: backoff}, b.exchange)
		defer func() {
			if err := pub.Close(); err != nil {
				t.Error(err)
			}
		}()
		const calls = 20
		ended := make(chan error, calls)
		for i := range calls {
			go func() {
				_, err := broker.Call[answer](t.Context(), pub, "square", question{i + 1})
				ended <- err
			}()
		}
		for range calls {
			<-begun
		}
		proxy.Cut()
		for range calls {
			if err := <-ended; !errors.Is(err, broker.ErrNotConnected) {
				t.Errorf("got %v, want ErrNotConnected", err)
			}
		}
		proxy.Restore(t)
		close(resume)
		if got, err := broker.Call[answer](t.Context(), pub, "square", question{}); err != nil || got.Square != 0 {
			t.Errorf("after the loss: %v, %v", got, err)
		}
		for _, v := range b.verdicts(calls + 1) {
			if v != worker.Ack {
				t.Errorf("an outcome is %v, want ack: the callers' end is not the handler's", v)
			}
		}
	})
}

// TestARequestSurvivesItsWorkersDeath: another worker replies to it.
func TestARequestSurvivesItsWorkersDeath(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	b := newBench(t)
	if err := b.run(nothing).finish(); err != nil { // it has declared the queue
		t.Fatal(err)
	}
	l := &ledger{handled: make(map[string]int)}
	child := startChild(t, "stubborn", b, l)
	b.eventually("the child consumes", func() bool { return consumers(b) == 1 })
	reply := make(chan error, 1)
	go func() {
		got, err := broker.Call[answer](t.Context(), b.pub, "square", question{5})
		if err == nil && got.Square != 25 {
			err = fmt.Errorf("got %d", got.Square)
		}
		reply <- err
	}()
	b.eventually("the child handles it", func() bool {
		messages, _ := l.count()
		return messages > 0
	})
	child.kill(t)
	b.run(handler.Replies(square))
	if err := <-reply; err != nil {
		t.Errorf("the call returned %v, want the second worker's reply", err)
	}
}

// send publishes a message as another client might.
func (b *bench) send(p amqp.Publishing) {
	b.t.Helper()
	p.ContentType = "application/json"
	if err := b.channel.Publish(b.exchange, "square", true, false, p); err != nil {
		b.t.Fatal(err)
	}
}
