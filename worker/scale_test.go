package worker_test

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	fast      = 20 * time.Millisecond // between attempts to connect, for impatient
	waitingOf = 100
)

// waiting is how many of waitingOf messages the broker keeps when it has sent out
// twice as many as there are goroutines, beside those sent on an earlier channel: the first
// message comes alone.
func waiting(earlier, goroutines int) int { return waitingOf - earlier - 2*goroutines }

func TestSetConcurrencyUpAndDown(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 2
		g := newGate()
		r := b.run(g)
		const messages = waitingOf
		publishNumbered(t, b.pub, 0, messages)
		b.eventually("two are in hand", func() bool { return g.now.Load() == 2 && b.depth(b.queue.Name) == waiting(1, 2) })
		r.sub.SetConcurrency(8)
		b.eventually("eight are in hand", func() bool { return g.now.Load() == 8 && b.depth(b.queue.Name) == waiting(1+4, 8) })
		if h := r.sub.Health(); h.Concurrency != 8 || h.InHand != 8 {
			t.Errorf("health %+v, want a concurrency of 8 and 8 in hand", h)
		}
		r.sub.SetConcurrency(3)
		b.eventually("the surplus goroutines end with what they have", func() bool {
			select {
			case g.let <- struct{}{}:
			default:
			}
			return g.now.Load() <= 3
		})
		before := g.entered.Load()
		g.most.Store(0)
		for range 20 {
			g.let <- struct{}{}
		}
		b.eventually("more is done", func() bool { return g.entered.Load() >= before+17 })
		if n := g.most.Load(); n > 3 {
			t.Errorf("%d messages were in hand at once, want 3 at most", n)
		}
		r.sub.SetConcurrency(0) // at least 1
		if n := r.sub.Health().Concurrency; n != 1 {
			t.Errorf("concurrency %d, want 1", n)
		}
		close(g.let)
		b.eventually("all is done", func() bool { return int(g.entered.Load()) >= messages && b.depth(b.queue.Name) == 0 })
	})
}

// TestSetConcurrencyIsNeverExceeded: fewer goroutines and then more again, while those
// that were told to end are still at work.
func TestSetConcurrencyIsNeverExceeded(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 8
		g := newGate()
		r := b.run(g)
		const messages = waitingOf
		publishNumbered(t, b.pub, 0, messages)
		b.eventually("eight are in hand", func() bool { return g.now.Load() == 8 && b.depth(b.queue.Name) == waiting(1, 8) })
		r.sub.SetConcurrency(2)
		b.eventually("the surplus goroutines are told to end", func() bool { return worker.WantedGoroutines(r.sub) == 2 })
		r.sub.SetConcurrency(8)
		for range 10 {
			g.let <- struct{}{}
		}
		b.eventually("others are in hand", func() bool { return g.entered.Load() >= 18 })
		if n := g.most.Load(); n > 8 {
			t.Errorf("%d messages were in hand at once, want 8 at most", n)
		}
		close(g.let)
		b.eventually("all is done", func() bool { return int(g.entered.Load()) >= messages && b.depth(b.queue.Name) == 0 })
	})
}

// TestScalingDeadLettersNothing: what goes back to the queue untouched has cost no
// attempt, however often that happens. The broker's delivery limit is there for
// what kills its worker, not for an autoscaler that cannot decide.
func TestScalingDeadLettersNothing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.DeliveryLimit = 3
		g := newGate()
		r := b.run(g)
		const messages = 20
		publishNumbered(t, b.pub, 0, messages)
		b.eventually("one is in hand", func() bool { return g.now.Load() == 1 })
		for i := range 40 {
			r.sub.SetConcurrency(1 + i%2)
			<-time.After(20 * time.Millisecond) // the pace of the changes; nothing is waited for
		}
		close(g.let)
		b.eventually("nothing is left", func() bool { return b.depth(b.queue.Name) == 0 && r.sub.Health().InHand == 0 })
		b.eventually("each is settled", func() bool {
			return len(ackedIDs(b))+b.depth(topology.DeadLetterQueue(b.queue.Name)) >= messages
		})
		if n := b.depth(topology.DeadLetterQueue(b.queue.Name)); n != 0 {
			t.Errorf("%d of %d messages were dead-lettered, which no handler has seen; want none", n, messages)
		}
	})
}
