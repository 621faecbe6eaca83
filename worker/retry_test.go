package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestDeletedWaysAreMended: a copy that finds no way is not confirmed, so the
// message stays until the way is there again.
func TestDeletedWaysAreMended(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fails error
		sever func(t *testing.T, b *bench)
	}{
		{"the dead-letter queue is deleted", retry.Permanent(errBoom), func(t *testing.T, b *bench) {
			if _, err := b.channel.QueueDelete(topology.DeadLetterQueue(b.queue.Name), false, false, false); err != nil {
				t.Fatal(err)
			}
		}},
		{"the dead-letter queue is unbound", retry.Permanent(errBoom), func(t *testing.T, b *bench) {
			err := b.channel.QueueUnbind(topology.DeadLetterQueue(b.queue.Name), b.queue.Name, topology.DeadLetterExchange, nil)
			if err != nil {
				t.Fatal(err)
			}
		}},
		{"the dead-letter exchange is deleted", retry.Permanent(errBoom), func(t *testing.T, b *bench) {
			deleteExchange(t, b, topology.DeadLetterExchange)
		}},
	} {
		runWithNode(t, tt.name, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.Retry.MaxAttempts = 2
			b.run(handler.Func(func(context.Context, *message.Message) error { return tt.fails }))
			tt.sever(t, b)
			b.publish("key", "body", broker.WithMessageID("id-1"))
			b.eventually("it is given up on", func() bool {
				s := b.settled()
				return len(s) > 0 && s[len(s)-1].Outcome.Verdict == worker.DeadLetter
			})
			if d := b.deadLetter(); d.MessageId != "id-1" || string(d.Body) != `"body"` {
				t.Errorf("the dead letter is %q with %q", d.MessageId, d.Body)
			}
			b.eventually("the queue is empty", func() bool { return b.depth(b.queue.Name) == 0 })
			if len(handOffFailures(b)) == 0 {
				t.Error("no HandOffFailed event told of it")
			}
		})
	}
}

func deleteExchange(t *testing.T, b *bench, name string) {
	t.Helper()
	if err := b.channel.ExchangeDelete(name, false, false); err != nil {
		t.Fatal(err)
	}
}

func handOffFailures(b *bench) (all []worker.HandOffFailed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if f, ok := e.(worker.HandOffFailed); ok {
			all = append(all, f)
		}
	}
	return all
}

// TestCutAtTheMomentOfFailing: whether the copy or the ack was under way is open;
// the message is there all the same.
func TestCutAtTheMomentOfFailing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.Retry.MaxAttempts = 20 // duplicates each have attempts of their own
		const messages = 20
		cut := make(chan struct{})
		var fails, acked atomic.Int32
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if fails.Add(1) <= messages {
				cut <- struct{}{}
				return errBoom
			}
			acked.Add(1)
			return nil
		}), impatient)
		publishNumbered(t, b.pub, 0, messages)
		for i := range messages {
			<-cut
			<-time.After(time.Duration(i*100) * time.Microsecond) // a later moment each time: before the copy, its confirm, the ack
			proxy.Cut()
			proxy.Restore(t)
		}
		b.eventually("each message was handled", func() bool { return len(ackedIDs(b)) == messages })
		b.eventually("the queue is empty", func() bool { return b.depth(b.queue.Name) == 0 })
		if n := b.depth(topology.DeadLetterQueue(b.queue.Name)); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
	})
}

func ackedIDs(b *bench) map[string]bool {
	ids := make(map[string]bool)
	for _, s := range b.settled() {
		if s.Outcome.Verdict == worker.Ack && s.SettleErr == nil {
			ids[s.Message.ID] = true
		}
	}
	return ids
}

// TestACopyIsConfirmedBeforeTheAck: the publishing connection swallows the copy and
// is then lost; the consuming one never notices.
func TestACopyIsConfirmedBeforeTheAck(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var wires wiretap
		fail := make(chan struct{})
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				<-fail
			}
			return failUntil(m.Attempt, 2)
		}), impatient, func(c *worker.Config) { c.Broker.Dial = wires.dial })
		b.publish("key", 1)
		b.eventually("it is on its way", func() bool { return b.depth(b.queue.Name) == 0 })
		publishing := wires.of(t, " publish")
		publishing.mute.Store(true)
		close(fail)
		b.eventually("the copy was swallowed", func() bool { return publishing.swallowed.Load() > 0 })
		if n := len(b.settled()); n != 0 {
			t.Errorf("%d messages were settled before the copy was confirmed", n)
		}
		if err := publishing.Close(); err != nil {
			t.Fatal(err)
		}
		if got := b.verdicts(2); !slices.Equal(got, []worker.Verdict{worker.Retry, worker.Ack}) {
			t.Errorf("verdicts %v, want retry and ack", got)
		}
		failures := handOffFailures(b)
		if len(failures) == 0 || !errors.Is(failures[0].Err, broker.ErrNotConnected) {
			t.Errorf("failures to hand over are %v, want ErrNotConnected", failures)
		}
		if down := sessionsLost(b); !slices.Equal(down, []string{"publish"}) {
			t.Errorf("the sessions lost are %v, want the publishing session only", down)
		}
		b.eventually("all is acked", func() bool { return b.depth(b.queue.Name) == 0 })
	})
}

func sessionsLost(b *bench) (roles []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if s, ok := e.(worker.SessionDown); ok {
			roles = append(roles, s.Role)
		}
	}
	return roles
}

// TestExpiredMessagesAreDeadLetteredByTheBroker, while no worker consumes.
func TestExpiredMessagesAreDeadLetteredByTheBroker(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.MessageTTL = 200 * time.Millisecond
		r := b.run(nothing)
		r.sub.Pause()
		b.eventually("nobody consumes", func() bool { return consumers(b) == 0 })
		b.publish("key", "body")
		d := b.deadLetter()
		if reason := death(d); reason != "expired" || string(d.Body) != `"body"` {
			t.Errorf("died of %q with %q, want expired with the body", reason, d.Body)
		}
	})
}
