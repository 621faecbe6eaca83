package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/partition"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// newPartitioned is a bench whose queue has partitions.
func newPartitioned(t *testing.T, partitions int) *bench {
	t.Helper()
	b := newBench(t)
	b.queue.Partitions = partitions
	b.queue.OrderBy = func(m *message.Message) string { return m.Headers.String("key") }
	return b
}

// spread waits until the workers have all partitions, each one of them, and shares that differ by
// one at most.
func spread(b *bench, all ...*running) {
	b.t.Helper()
	b.eventually(fmt.Sprintf("%d workers share the partitions", len(all)), func() bool {
		return shared(b.queue.Partitions, shares(all)) == nil
	})
}

func shares(all []*running) (held [][]int) {
	for _, r := range all {
		held = append(held, r.sub.Health().Partitions)
	}
	return held
}

// shared returns why the partitions are not evenly divided.
func shared(partitions int, held [][]int) error {
	var union []int
	least, most := partitions, 0
	for _, h := range held {
		union = append(union, h...)
		least, most = min(least, len(h)), max(most, len(h))
	}
	slices.Sort(union)
	if len(union) != partitions || len(slices.Compact(union)) != partitions || most > least+1 {
		return fmt.Errorf("%d partitions are held as %v", partitions, held)
	}
	return nil
}

// TestOrderPerKeyHoldsAcrossWorkers that join, pause and leave. The handlers are quick, so that
// messages are on their way whenever a partition moves.
func TestOrderPerKeyHoldsAcrossWorkers(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 4} {
		rabbit.Run(t, fmt.Sprintf("concurrency %d", concurrency), func(t *testing.T) {
			b := newPartitioned(t, 4)
			b.queue.Concurrency, b.queue.Prefetch = concurrency, 2*concurrency+2
			seen := &sequence{got: make(map[string][]int)}
			h := handler.Typed(seen.note)
			const messages, keys = 1500, 13
			first := b.run(h)
			spread(b, first)
			publishKeyed(t, b, messages, keys)
			reached := func(part int) {
				b.eventually("a part is handled", func() bool { return seen.count() >= part*messages/6 })
			}
			reached(1)
			second, third := b.run(h), b.run(h)
			reached(2)
			spread(b, first, second, third)
			second.sub.Pause()
			spread(b, first, third)
			reached(3)
			second.sub.Resume()
			if err := first.finish(); err != nil {
				t.Error(err)
			}
			spread(b, second, third)
			third.sub.SetConcurrency(2)
			reached(6)
			b.eventually("all is acknowledged", func() bool { return empty(b) })
			seen.check(t, messages)
		})
	}
}

// empty reports whether the queue and its partitions have no messages.
func empty(b *bench) bool {
	for n := range b.queue.Partitions {
		if b.depth(fmt.Sprintf("%s.partition.%d", b.queue.Name, n)) > 0 {
			return false
		}
	}
	return b.depth(b.queue.Name) == 0
}

// TestAMessageOfAPartitionIsAMessageOfItsQueue: its handler, its retries and its dead letter see the
// queue and the routing key to which it was published.
func TestAMessageOfAPartitionIsAMessageOfItsQueue(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "a message is retried and dead-lettered", func(t *testing.T) {
		b := newPartitioned(t, 3)
		var mu sync.Mutex
		var attempts []int
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if m.Queue != b.queue.Name || m.Exchange != b.exchange || m.RoutingKey != "order.paid" || m.Headers.String("key") != "7" || m.Priority != 3 {
				t.Errorf("the handler sees %+v", m)
			}
			attempts = append(attempts, m.Attempt)
			if len(attempts) == 1 {
				return retry.Snooze(0)
			}
			return errors.New("no")
		}))
		b.publish("order.paid", 1, broker.WithHeader("key", "7"), broker.WithPriority(3), broker.WithMessageID("seven"))
		d := b.deadLetter()
		if h := message.Headers(d.Headers); d.MessageId != "seven" || h.String("warren-queue") != b.queue.Name || h.String("warren-routing-key") != "order.paid" || h.String("warren-error") != "no" {
			t.Errorf("the dead letter is %s with %v", d.MessageId, d.Headers)
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []int{1, 1, 2, 3}; !slices.Equal(attempts, want) {
			t.Errorf("the attempts are %v, want %v", attempts, want)
		}
		b.eventually("the dead letter is counted", func() bool { return len(b.settled()) == 4 })
		for _, s := range b.settled() {
			if s.Queue != b.queue.Name {
				t.Errorf("a message of queue %s was settled, want %s", s.Queue, b.queue.Name)
			}
		}
	})
}

// TestAFullPartitionHoldsItsKeysBack in their order.
func TestAFullPartitionHoldsItsKeysBack(t *testing.T) {
	t.Parallel()
	rabbit.Run(t, "the partitions have room for 5 messages", func(t *testing.T) {
		b := newPartitioned(t, 2)
		b.queue.MaxLength = 5
		seen := &sequence{got: make(map[string][]int)}
		open := make(chan struct{})
		handle := handler.Typed(seen.note)
		r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			<-open
			return handle.Handle(ctx, m)
		}))
		const messages, keys = 60, 5
		for i := range messages {
			b.eventually("the queue has room", func() bool {
				return b.pub.Publish(t.Context(), "job", i, broker.WithHeader("key", strconv.Itoa(i%keys))) == nil || i > 20 && isClosed(open)
			})
			if i == 20 {
				close(open)
			}
		}
		b.eventually("all is handled", func() bool { return seen.count() >= messages && empty(b) })
		seen.check(t, messages)
		if state := r.sub.Health().State; state != worker.StateConsuming {
			t.Errorf("the queue is %s", state)
		}
	})
}

// TestAPausedDistributorDoesNotHoldUpTheQueue: while it repeats a message to a partition that is full,
// its process is paused, and the next process distributes the other keys.
func TestAPausedDistributorDoesNotHoldUpTheQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		rabbit.Waits(t, "3 seconds until the messages are requeued")
		b := newPartitioned(t, 2)
		b.queue.MaxLength, b.queue.Concurrency, b.queue.Prefetch = 5, 1, 1
		stuck, others := keysOf(0, 1), keysOf(1, 5) // several, since one could share the lane of the stuck key
		open, handled := make(chan struct{}), make(chan struct{}, 100)
		release := sync.OnceFunc(func() { close(open) })
		defer release()
		h := handler.Func(func(_ context.Context, m *message.Message) error {
			if m.Headers.String("key") == stuck[0] {
				<-open
			} else {
				handled <- struct{}{}
			}
			return nil
		})
		first := b.run(h)
		spread(b, first)
		second := b.run(h)
		spread(b, first, second)
		publish := func(key string) {
			b.eventually("the queue has room", func() bool { return b.pub.Publish(t.Context(), "job", 1, broker.WithHeader("key", key)) == nil })
		}
		for range 30 {
			publish(stuck[0])
		}
		b.eventually("the partition is full", func() bool { return b.depth(b.queue.Name+".partition.0") >= 5 })
		b.eventually("the first process has the rest", func() bool { return b.depth(b.queue.Name) == 0 })
		first.sub.Pause()
		for _, key := range others {
			publish(key)
		}
		b.eventually("another key is handled", func() bool { return len(handled) > 0 })
		release()
		b.eventually("all is handled", func() bool { return len(handled) == len(others) && empty(b) })
	})
}

// keysOf returns n keys that belong to a partition of two.
func keysOf(p, n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := strconv.Itoa(i); partition.Of(key, 2) == p {
			keys = append(keys, key)
		}
	}
	return keys
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
