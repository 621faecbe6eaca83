package worker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestDedupeSkipsWhatWasHandledBeforeItsAckWasLost: the broker delivers it again,
// and the handler does not see it.
func TestDedupeSkipsWhatWasHandledBeforeItsAckWasLost(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.Middleware = []handler.Middleware{middleware.Dedupe(dedupe.NewMemory(time.Hour, 1000))}
		entered, leave := make(chan string, 10), make(chan struct{})
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error { entered <- m.ID; <-leave; return nil }), impatient)
		b.publish("key", 1, broker.WithMessageID("first"))
		<-entered
		proxy.Cut()
		r.noticesLoss()
		close(leave)
		b.eventually("its ack is dropped", func() bool { s := b.settled(); return len(s) == 1 && errors.Is(s[0].SettleErr, broker.ErrStale) })
		proxy.Restore(t)
		b.eventually("it is acked when it comes again", func() bool { s := b.settled(); return len(s) == 2 && s[1].SettleErr == nil })
		if s := b.settled()[1]; s.Outcome.Verdict != worker.Ack || !s.Message.Redelivered {
			t.Errorf("verdict %v, redelivered %v; want ack of a redelivered message", s.Outcome.Verdict, s.Message.Redelivered)
		}
		b.publish("key", 1, broker.WithMessageID("second"))
		if got := <-entered; got != "second" {
			t.Errorf("the handler saw %q again", got)
		}
		b.eventually("the queue is empty", func() bool { return b.depth(b.queue.Name) == 0 })
	})
}

// leases is a store that notes how long its claims are to hold.
type leases struct {
	*dedupe.Memory

	asked chan time.Duration
}

func (l leases) Claim(ctx context.Context, key string, lease time.Duration) (dedupe.Claim, dedupe.Token, error) {
	l.asked <- lease
	return l.Memory.Claim(ctx, key, lease)
}

// TestTheLeaseOfDedupeFollowsTheQueuesTimeout, which begins inside of it.
func TestTheLeaseOfDedupeFollowsTheQueuesTimeout(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		store := leases{dedupe.NewMemory(time.Hour, 1000), make(chan time.Duration, 1)}
		b.queue.Timeout = 40 * time.Minute
		b.queue.Middleware = []handler.Middleware{middleware.Dedupe(store)}
		b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
		b.publish("key", 1)
		if got := <-store.asked; got <= b.queue.Timeout {
			t.Errorf("the lease is %v, want more than the timeout of %v", got, b.queue.Timeout)
		}
		b.verdicts(1)
	})
}

// TestDedupeLetsARetryRun: a failed attempt gives up its claim.
func TestDedupeLetsARetryRun(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Middleware = []handler.Middleware{middleware.Dedupe(dedupe.NewMemory(time.Hour, 1000))}
		b.run(handler.Func(func(_ context.Context, m *message.Message) error { return failUntil(m.Attempt, 2) }))
		b.publish("key", 1)
		if got := b.verdicts(2); got[0] != worker.Retry || got[1] != worker.Ack {
			t.Errorf("verdicts %v, want retry and ack", got)
		}
	})
}

// downstream is what a handler depends on, which may be down.
type downstream struct {
	down  atomic.Bool
	calls atomic.Int32
}

func (d *downstream) Handle(context.Context, *message.Message) error {
	d.calls.Add(1)
	if d.down.Load() {
		return errBoom
	}
	return nil
}

// breakerAfter opens at the second failure in a row, for the given time.
func breakerAfter(open time.Duration) []handler.Middleware {
	return []handler.Middleware{middleware.Breaker(gobreaker.Settings{
		Name: "downstream", Timeout: open,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 2 },
	})}
}

// TestAnOpenBreakerStopsTheQueue: what meets it waits in its goroutine, no attempt is
// spent, nothing more is fetched, and the queue goes on when it closes.
func TestAnOpenBreakerStopsTheQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Prefetch, b.queue.Retry.MaxAttempts = 2, 2, 4
		b.queue.Timeout = 100 * time.Millisecond           // of the handler, not of the wait
		b.queue.Middleware = breakerAfter(5 * time.Second) // long enough to be seen open on a busy machine
		d := &downstream{}
		d.down.Store(true)
		r := b.run(d)
		const messages = 10
		publishNumbered(t, b.pub, 0, messages)
		// A third call may have been under way when the second failed.
		b.eventually("two or three have failed, two wait in hand", func() bool {
			failed := len(b.settled())
			return (failed == 2 || failed == 3) && r.sub.Health().InHand == 2 && b.depth(b.queue.Name) == messages-2
		})
		opened := int(d.calls.Load())
		d.down.Store(false)
		b.eventually("all is handled", func() bool { return len(ackedIDs(b)) == messages && b.depth(b.queue.Name) == 0 })
		failures := 0
		for _, s := range b.settled() {
			if s.Outcome.Verdict == worker.Retry {
				failures++
			}
			if s.Message.Attempt > 2 || s.Message.DeliveryCount > 0 {
				t.Errorf("message %s: attempt %d, delivery count %d; want 2 at most and 0", s.Message.ID, s.Message.Attempt, s.Message.DeliveryCount)
			}
		}
		if failures != opened || int(d.calls.Load()) != messages+opened {
			t.Errorf("%d failures and %d calls, want %d and %d: waiting spends nothing", failures, d.calls.Load(), opened, messages+opened)
		}
	})
}

// TestDrainDoesNotWaitForAnOpenBreaker: what waits at it is released.
func TestDrainDoesNotWaitForAnOpenBreaker(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Prefetch = 2, 2
		b.queue.Retry.InitialInterval = time.Minute
		b.queue.Middleware = breakerAfter(time.Hour)
		d := &downstream{}
		d.down.Store(true)
		r := b.run(d)
		publishNumbered(t, b.pub, 0, 5)
		// A third call may have been under way when the second failed.
		b.eventually("two or three have failed, two wait in hand", func() bool {
			failed := len(b.settled())
			return (failed == 2 || failed == 3) && r.sub.Health().InHand == 2
		})
		failed := int(d.calls.Load())
		began := time.Now()
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the drain took %v, want no grace to be waited for", took)
		}
		b.eventually("the others are back", func() bool { return b.depth(b.queue.Name) == 5-failed })
		released := 0
		for _, s := range b.settled() {
			if s.Outcome.Verdict == worker.Release && !s.Outcome.Spent {
				released++
			}
		}
		if n := int(d.calls.Load()); n != failed || released != 2 {
			t.Errorf("%d calls, %d released; want %d and 2", n, released, failed)
		}
	})
}

// TestRateLimitSpacesTheQueue: the limit is the queue's, whatever its concurrency.
func TestRateLimitSpacesTheQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 8
		b.queue.Middleware = []handler.Middleware{middleware.RateLimit(rate.NewLimiter(50, 1))}
		var mu sync.Mutex
		var times []time.Time
		b.run(handler.Func(func(context.Context, *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			times = append(times, time.Now())
			return nil
		}))
		const messages = 21
		publishNumbered(t, b.pub, 0, messages)
		b.verdicts(messages)
		if took := times[messages-1].Sub(times[0]); took < 350*time.Millisecond {
			t.Errorf("%d messages in %v, want 20ms between two", messages, took)
		}
		if n := b.depth(topology.DeadLetterQueue(b.queue.Name)); n != 0 {
			t.Errorf("%d dead letters, want none", n)
		}
	})
}
