package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// gated is a failer whose attempts wait for the test, each at its own gate.
type gated struct {
	failer
	gates map[string]chan struct{} // by ID and attempt
}

func (g *gated) Handle(ctx context.Context, m *message.Message) error {
	err := g.failer.Handle(ctx, m)
	if all := g.all(); g.gates[all[len(all)-1]] != nil {
		<-g.gates[all[len(all)-1]]
	}
	if m.ID == "slow" {
		return nil
	}
	return err
}

func (g *gated) begins(b *bench, attempt string) {
	b.t.Helper()
	b.eventually(attempt+" begins", func() bool {
		return len(slices.DeleteFunc(g.all(), func(a string) bool { return a != attempt })) == 1
	})
}

// fallDue publishes a message whose given attempt fails, and waits until the next one is due, while the
// only goroutine handles a slow message.
func (g *gated) fallDue(b *bench, r *running, attempt string) {
	b.t.Helper()
	b.publish("key", 1, broker.WithMessageID("m"))
	g.begins(b, attempt)
	b.publish("key", 2, broker.WithMessageID("slow"))
	b.eventually("the slow message is received", func() bool { return b.depth(b.queue.Name) == 0 })
	close(g.gates[attempt])
	g.begins(b, "slow 1")
	b.eventually("the message is due", func() bool { return r.sub.Health().Held == 0 })
}

// dead waits until a message is dead-lettered, and returns it as its last attempt had it.
func (b *bench) dead() *message.Message {
	b.t.Helper()
	isDead := func(s worker.Settled) bool { return s.Outcome.Verdict == worker.DeadLetter && s.SettleErr == nil }
	b.eventually("a message is dead-lettered", func() bool { return slices.ContainsFunc(b.settled(), isDead) })
	all := b.settled()
	return all[slices.IndexFunc(all, isDead)].Message
}

// A message is due, but the only goroutine handles another one, when its consumer ends.
func TestADueMessageKeepsItsAttemptsWhenItsConsumerEnds(t *testing.T) {
	t.Parallel()
	pause := func(r *running, _ rabbit.Node) {
		r.sub.Pause()
		r.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
		r.sub.Resume()
	}
	lose := func(r *running, node rabbit.Node) {
		node.CloseConnections(r.t, "the test")
		r.eventually("the loss is noticed", func() bool { return wasIdle(r.bench) })
	}
	for _, tt := range []struct {
		name   string
		change func(*worker.Queue)
		end    func(*running, rabbit.Node)
	}{
		{"at a pause of a classic queue", func(q *worker.Queue) { q.Type = topology.Classic }, pause},
		{"at a pause of a quorum queue", func(*worker.Queue) {}, pause},
		{"at a pause, in a lane", func(q *worker.Queue) { q.OrderBy = func(*message.Message) string { return "one" } }, pause},
		{"at a pause of a single active consumer", func(q *worker.Queue) { q.SingleActive = true }, pause},
		{"at a loss of a classic queue", func(q *worker.Queue) { q.Type = topology.Classic }, lose},
		{"at a loss of a quorum queue", func(*worker.Queue) {}, lose},
		{"at a loss of a single active consumer", func(q *worker.Queue) { q.SingleActive = true }, lose},
	} {
		runWithNode(t, tt.name, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.HoldRetries, b.queue.Prefetch, b.queue.Retry.InitialInterval = true, 10, 300*time.Millisecond
			tt.change(&b.queue)
			g := &gated{gates: map[string]chan struct{}{"m 2": make(chan struct{}), "slow 1": make(chan struct{})}}
			r := b.run(g)
			g.fallDue(b, r, "m 2")
			tt.end(r, node)
			close(g.gates["slow 1"])
			dead := b.dead()
			got := slices.DeleteFunc(g.all(), func(a string) bool { return a[:1] != "m" })
			if want := []string{"m 1", "m 2", "m 3"}; !slices.Equal(got, want) || dead.Headers[record.HeaderHistory] == nil {
				t.Errorf("the attempts are %q, and the last one has the headers %v, want %q with their history", got, dead.Headers, want)
			}
			b.eventually("nothing is kept", func() bool { return worker.OpenHolds(r.sub) == 0 })
		})
	}
}

// The connection is lost twice while the handler runs.
func TestALostConnectionKeepsTheAttemptsOfAMessageInItsHandler(t *testing.T) {
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		runWithNode(t, kind, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.Type, b.queue.HoldRetries = kind, true
			b.queue.Retry = retry.Policy{MaxAttempts: 2, InitialInterval: 100 * time.Millisecond, Multiplier: 1, RandomizationFactor: -1}
			var f failer
			lost := 0
			r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
				err := f.Handle(ctx, m)
				if m.Attempt == 2 && lost < 2 {
					lost++
					<-ctx.Done()
					err = errors.Join(err, context.Cause(ctx))
				}
				return err
			}))
			b.publish("key", 1, broker.WithMessageID("m"))
			for n := range 2 {
				b.eventually("the second attempt begins", func() bool { return len(f.all()) == n+2 })
				node.CloseConnections(t, "the test")
			}
			b.dead()
			f.want(t, "m 1", "m 2", "m 2", "m 2")
			b.eventually("nothing is kept", func() bool { return worker.OpenHolds(r.sub) == 0 })
		})
	}
}

// startsFrom runs a worker whose first message must begin as wanted.
func (b *bench) startsFrom(want string) {
	b.t.Helper()
	loaded := make(chan string, 10)
	b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
		var step int
		_, err := checkpoint.Load(ctx, &step)
		loaded <- fmt.Sprintf("%s %d from step %d", m.ID, m.Attempt, step)
		return err
	}))
	if got := b.next(loaded); got != want {
		b.t.Errorf("%s is handled, want %s", got, want)
	}
}

// A message with a checkpoint is due, but the only goroutine handles another one, when the process stops.
func TestADueMessageKeepsItsCheckpointAtAStop(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.SingleActive, b.queue.HoldRetries, b.queue.Prefetch = true, true, 10
		g := &gated{gates: map[string]chan struct{}{"m 1": make(chan struct{}), "slow 1": make(chan struct{})}}
		r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			return errors.Join(checkpoint.Save(ctx, 7), g.Handle(ctx, m))
		}))
		g.fallDue(b, r, "m 1")
		r.stop()
		b.eventually("the worker stops", func() bool { return r.sub.Health().State == worker.StateDraining })
		close(g.gates["slow 1"])
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		b.startsFrom("m 1 from step 7")
	})
}

// A handler saves a checkpoint and fails while its process stops. Another handler is still at work then.
func TestARetryThatIsHeldDuringAStopKeepsItsCheckpoint(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.SingleActive, b.queue.HoldRetries, b.queue.Concurrency = true, true, 2
		g := &gated{gates: map[string]chan struct{}{"slow 1": make(chan struct{})}}
		r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			if err := g.Handle(ctx, m); m.ID == "slow" {
				return err
			}
			<-handler.Stopping(ctx)
			return errors.Join(checkpoint.Save(ctx, 7), errBoom)
		}))
		b.publish("key", 1, broker.WithMessageID("m"))
		b.publish("key", 2, broker.WithMessageID("slow"))
		g.begins(b, "m 1")
		g.begins(b, "slow 1")
		r.stop()
		b.verdicts(1)
		b.depth(b.queue.Name) // the broker has time to deliver a message that is requeued
		close(g.gates["slow 1"])
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		b.startsFrom("m 1 from step 7")
	})
}
