package worker_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// gate is a handler that holds each message until it is let go, and counts.
type gate struct {
	now, most, entered atomic.Int32
	let                chan struct{}
}

func newGate() *gate { return &gate{let: make(chan struct{})} }

func (g *gate) Handle(ctx context.Context, _ *message.Message) error {
	g.entered.Add(1)
	n := g.now.Add(1)
	defer g.now.Add(-1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); {
		most = g.most.Load()
	}
	select {
	case <-g.let:
	case <-handler.Stopping(ctx): // the test has failed: end with it
	}
	return nil
}

func TestPauseRequeuesMessagesThatNoHandlerHasBegun(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*worker.Queue){
		"any goroutine takes any message": func(*worker.Queue) {},
		"ordered by key":                  func(q *worker.Queue) { q.OrderBy = func(m *message.Message) string { return m.RoutingKey } },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Prefetch = 10
			change(&b.queue)
			g := newGate()
			r := b.run(g)
			for range 5 {
				b.publish("key", 1)
			}
			b.eventually("one is in hand and the rest prefetched", func() bool { return g.now.Load() == 1 && b.depth(b.queue.Name) == 0 })
			r.sub.Pause()
			b.eventually("the others are back", func() bool { return b.depth(b.queue.Name) == 4 })
			close(g.let) // whatever is taken from here on passes
			b.eventually("the health says paused, and ready", func() bool {
				return r.worker.Health().Ready && r.sub.Health().State == worker.StatePaused
			})
			b.eventually("what is in hand is done", func() bool { return g.now.Load() == 0 && consumers(b) == 0 })
			n := int(g.entered.Load())
			b.eventually("the others are back", func() bool { return b.depth(b.queue.Name) == 5-n })
			if int(g.entered.Load()) != n || n != 1 {
				t.Errorf("%d messages were handled, then %d; want the one in hand and no more", n, g.entered.Load())
			}
			r.sub.Pause() // again makes no difference
			r.sub.Resume()
			b.eventually("the rest is handled", func() bool { return g.entered.Load() == 5 && b.depth(b.queue.Name) == 0 })
			b.eventually("the health says consuming", func() bool { return r.sub.Health().State == worker.StateConsuming })
			for _, s := range b.settled() {
				if s.Outcome.Verdict == worker.Ack && s.Message.Attempt != 1 {
					t.Errorf("attempt %d, want 1: a pause spends none", s.Message.Attempt)
				}
			}
		})
	}
}

func TestPauseBeforeRun(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		g := newGate()
		close(g.let)
		w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)})
		sub := w.Queue(b.queue)
		sub.Handle("#", g)
		sub.Pause()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		b.eventually("it is paused", func() bool { return w.Health().Ready && sub.Health().State == worker.StatePaused })
		b.publish("key", 1) // it has a queue to go to
		if n := b.depth(b.queue.Name); n != 1 || g.entered.Load() != 0 {
			t.Errorf("%d messages in the queue, %d handled; want 1 and none", n, g.entered.Load())
		}
		sub.Resume()
		b.eventually("it is handled", func() bool { return g.entered.Load() == 1 })
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	})
}

// TestPauseDuringAnOutage: the connection comes back, the messages do not.
func TestPauseDuringAnOutage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.Concurrency = 16
		g := newGate()
		close(g.let)
		r := b.run(g, impatient)
		for round := range 5 { // what a race decides needs more than one
			proxy.Cut()
			r.noticesLoss()
			r.sub.Pause()
			before, began := g.entered.Load(), consumed(b)
			publishNumbered(t, b.pub, 0, 50)
			proxy.Restore(t)
			b.eventually("the queue is paused", func() bool { return r.worker.Health().Ready && r.sub.Health().State == worker.StatePaused })
			b.eventually("nobody consumes", func() bool { return consumers(b) == 0 })
			if n := g.entered.Load() - before; n != 0 {
				t.Errorf("round %d: %d messages were handled while the queue was paused", round, n)
			}
			if consumed(b) != began {
				t.Errorf("round %d: the queue consumed while it was paused", round)
			}
			r.sub.Resume()
			b.eventually("the rest is handled", func() bool { return int(g.entered.Load()-before) >= 50 && b.depth(b.queue.Name) == 0 })
		}
	})
}

// consumed is how often the queue began to consume.
func consumed(b *bench) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if s, ok := e.(worker.StateChanged); ok && s.State == worker.StateConsuming {
			n++
		}
	}
	return n
}

// TestConcurrencyHoldsAcrossReconnects: handlers of lost sessions are still at work
// when the next session brings their messages again.
func TestConcurrencyHoldsAcrossReconnects(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*worker.Queue){
		"any goroutine takes any message": func(*worker.Queue) {},
		"ordered by key":                  func(q *worker.Queue) { q.OrderBy = func(m *message.Message) string { return m.ID } },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			proxy := rabbit.NewProxy(t, rabbit.URL(t))
			b := newBench(t)
			b.url = proxy.URL()
			b.queue.Concurrency = 4
			b.queue.Type = topology.Classic // a quorum queue would count the losses, and its messages come alone after the second
			change(&b.queue)
			g := newGate()
			r := b.run(handler.Func(g.Handle), impatient)
			publishNumbered(t, b.pub, 0, 100)
			for range 5 {
				b.eventually("there are handlers in hand", func() bool { return g.now.Load() >= 2 })
				proxy.Cut()
				r.noticesLoss()
				proxy.Restore(t)
				b.eventually("it consumes again", func() bool { return r.worker.Health().Ready && b.depth(b.queue.Name) <= 92 })
				for range 3 { // some of the lost session return, and take from the new one
					g.let <- struct{}{}
				}
			}
			close(g.let)
			b.eventually("all is done", func() bool { return g.now.Load() == 0 && b.depth(b.queue.Name) == 0 })
			if n := g.most.Load(); n > 4 {
				t.Errorf("%d messages were in hand at once, want 4 at most", n)
			}
		})
	}
}

// impatient makes a worker look for a lost broker often.
func impatient(c *worker.Config) {
	c.Broker.Backoff.InitialInterval, c.Broker.Backoff.MaxInterval = fast, fast
}

// TestNoMessageBeginsOnceAChangeOfLanesIsCutShort: while the lanes of the old number are
// emptied, a stop and a pause must give back what no handler has begun.
func TestNoMessageBeginsOnceAChangeOfLanesIsCutShort(t *testing.T) {
	t.Parallel()
	const prefetched = 12
	for name, cut := range map[string]func(*running){
		"by a stop":  func(r *running) { r.stop() },
		"by a pause": func(r *running) { r.sub.Pause() },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Type = topology.Classic // a quorum queue counts a cancelled consumer that has messages in hand
			b.queue.Concurrency, b.queue.Prefetch = 2, prefetched
			b.queue.OrderBy = func(m *message.Message) string { return m.RoutingKey }
			let := make(chan struct{})
			var entered atomic.Int32
			r := b.run(handler.Func(func(context.Context, *message.Message) error {
				entered.Add(1)
				<-let
				return nil
			}))
			for i := range prefetched {
				b.publish("key."+strconv.Itoa(i), 1) // so many keys that neither lane stays empty
			}
			b.eventually("all are in the lanes", func() bool { return entered.Load() == 2 && b.depth(b.queue.Name) == 0 })
			r.sub.SetConcurrency(4)
			b.eventually("the lanes are being emptied", func() bool { return consumers(b) == 0 })
			began := entered.Load()
			cut(r)
			b.eventually("what has not begun is back", func() bool { return b.depth(b.queue.Name) == prefetched-int(began) })
			close(let)
			r.sub.Resume()
			if err := r.finish(); err != nil {
				t.Errorf("Run returned %v, want nil", err)
			}
			if name == "by a stop" && entered.Load() != began {
				t.Errorf("%d handlers began after the stop, want none", entered.Load()-began)
			}
		})
	}
}

// TestAQueueThatIsScaledWhilePausedObeysBeforeItsHandlersEnd: resumed with another number
// of lanes it waits for the handlers of the old ones, and can be paused and stopped.
func TestAQueueThatIsScaledWhilePausedObeysBeforeItsHandlersEnd(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Prefetch = 2, 4
		b.queue.OrderBy = func(m *message.Message) string { return m.RoutingKey }
		entered, let := make(chan struct{}, 10), make(chan struct{})
		r := b.run(handler.Func(func(context.Context, *message.Message) error {
			entered <- struct{}{}
			<-let
			return nil
		}))
		b.publish("key", 1)
		<-entered
		paused := func() bool { return r.sub.Health().State == worker.StatePaused }
		r.sub.Pause()
		b.eventually("it is paused", paused)
		r.sub.SetConcurrency(3)
		r.sub.Resume()
		b.publish("key", 2)
		r.sub.Pause()
		b.eventually("it is paused again, with a handler still at work", paused)
		r.sub.Resume()
		r.stop()
		close(let)
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if n := len(entered); n != 0 {
			t.Errorf("%d handlers began after the stop, want none", n)
		}
		b.eventually("the second message is back", func() bool { return b.depth(b.queue.Name) == 1 })
	})
}
