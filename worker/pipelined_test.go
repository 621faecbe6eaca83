package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// failing is a queue whose messages fail in their first attempt while the broker is blocked,
// so that their copies wait for their confirms.
type failing struct {
	*running
	first  []string // ids in the order of their first attempts
	again  []string // and of their second
	mu     sync.Mutex
	opened chan struct{}
	inHand atomic.Int64 // first attempts that have begun and are not settled
	most   atomic.Int64
}

// fail publishes n messages, blocks the broker and has the handler fail.
func fail(b *bench, node rabbit.Node, n int, change ...func(*worker.Config)) *failing {
	b.t.Helper()
	f := &failing{opened: make(chan struct{})}
	handle := handler.Func(func(_ context.Context, m *message.Message) error {
		<-f.opened
		f.mu.Lock()
		defer f.mu.Unlock()
		if m.Attempt > 1 || m.Redelivered {
			f.again = append(f.again, m.ID)
			return nil
		}
		f.first = append(f.first, m.ID)
		f.most.Store(max(f.most.Load(), f.inHand.Add(1)))
		return errBoom
	})
	count := func(w *worker.Worker) {
		w.Watch(func(e worker.Event) {
			if s, ok := e.(worker.Settled); ok && s.Outcome.Verdict != worker.Ack {
				f.inHand.Add(-1)
			}
		})
	}
	f.running = b.runWith(count, map[string]handler.Handler{"#": handle}, change...)
	publishNumbered(b.t, b.pub, 0, n)
	node.Block(b.t)
	b.t.Cleanup(func() { node.Unblock(b.t) })
	close(f.opened)
	return f
}

func (f *failing) attempts() (first, again []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.first), slices.Clone(f.again)
}

// failed waits until n messages have failed, none of which is settled then.
func (f *failing) failed(n int) {
	f.t.Helper()
	f.eventually("messages have failed", func() bool { first, _ := f.attempts(); return len(first) == n })
	if n := len(f.settled()); n != 0 {
		f.t.Errorf("%d messages were settled before their copies were confirmed", n)
	}
}

// TestConfirmsOfCopiesAreAwaitedTogether: a worker goroutine handles the next message while
// the broker has not confirmed the copy of the previous one. No message is settled before its
// copy is confirmed, and the retries come back in order.
func TestConfirmsOfCopiesAreAwaitedTogether(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		b := newBenchAt(t, node.URL())
		b.queue.Concurrency, b.queue.Prefetch = 1, 10
		const messages = 25
		f := fail(b, node, messages)
		f.failed(b.queue.Prefetch)
		node.Unblock(t)
		b.verdicts(2 * messages)
		var want []string
		for i := range messages {
			want = append(want, strconv.Itoa(i))
		}
		first, again := f.attempts()
		if !slices.Equal(first, want) || !slices.Equal(again, want) {
			t.Errorf("failed in the order %v and came back in the order %v, want %v", first, again, want)
		}
		for _, f := range handOffFailures(b) {
			if !errors.Is(f.Err, broker.ErrBlocked) { // the alarm may last for long
				t.Errorf("copy of %s: %v", f.Message.ID, f.Err)
			}
		}
	})
}

// TestUnconfirmedCopiesAreBounded to the goroutines of the queue and 64 more.
func TestUnconfirmedCopiesAreBounded(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		b := newBenchAt(t, node.URL())
		b.queue.Concurrency, b.queue.Prefetch = 2, 200
		b.queue.OrderBy = func(m *message.Message) string { return m.ID } // no message is fetched alone
		const messages, bound = 300, 2 + 64
		f := fail(b, node, messages)
		f.failed(bound)
		node.Unblock(t)
		b.verdicts(2 * messages)
		if most := f.most.Load(); most > bound {
			t.Errorf("%d messages waited for a confirm at once, want at most %d", most, bound)
		}
	})
}

// TestAStopWaitsForTheConfirmsOfCopies: what is confirmed within the grace is a retry, and
// what is not is released.
func TestAStopWaitsForTheConfirmsOfCopies(t *testing.T) {
	t.Parallel()
	for confirmed, grace := range map[bool]time.Duration{
		true:  time.Minute, // more than a slow broker takes to end its alarm
		false: 5 * time.Second,
	} {
		runWithNode(t, "confirmed="+strconv.FormatBool(confirmed), func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.Concurrency, b.queue.Prefetch = 1, 10
			const messages = 10
			f := fail(b, node, messages, func(c *worker.Config) { c.Grace = grace })
			f.failed(messages)
			f.stop()
			b.eventually("the worker drains", func() bool { return f.sub.Health().State == worker.StateDraining })
			want := worker.Release
			if confirmed {
				want = worker.Retry
				node.Unblock(t)
			}
			if err := f.finish(); err != nil {
				t.Errorf("Run returned %v, want nil", err)
			}
			if !confirmed {
				node.Unblock(t)
			}
			got := b.verdicts(messages)
			if len(got) != messages || slices.ContainsFunc(got, func(v worker.Verdict) bool { return v != want }) {
				t.Errorf("verdicts %v, want %v for each of %d messages", got, want, messages)
			}
			if !confirmed {
				b.eventually("the messages are back", func() bool { return b.depth(b.queue.Name) == messages })
			}
		})
	}
}
