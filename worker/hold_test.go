package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// failer is a handler that fails each attempt, and notes them.
type failer struct {
	mu       sync.Mutex
	attempts []string // ID and attempt
}

func (f *failer) Handle(_ context.Context, m *message.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, fmt.Sprintf("%s %d", m.ID, m.Attempt))
	return errBoom
}

func (f *failer) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.attempts)
}

func (f *failer) want(t *testing.T, want ...string) {
	t.Helper()
	if got := f.all(); !slices.Equal(got, want) {
		t.Errorf("the attempts are %q, want %q", got, want)
	}
}

// TestHeldRetriesWaitInTheWorker, for a queue of each kind.
func TestHeldRetriesWaitInTheWorker(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		rabbit.Run(t, kind, func(t *testing.T) {
			b := newBench(t)
			b.queue.Type, b.queue.HoldRetries = kind, true
			var f failer
			b.run(&f)
			b.publish("key", 1, broker.WithMessageID("m"))
			b.verdicts(3)
			f.want(t, "m 1", "m 2", "m 3")
			d := b.deadLetter()
			if d.Headers["warren-attempt"] != int64(3) || d.Headers["warren-history"] == nil {
				t.Errorf("the record is %v, want 3 attempts with their history", d.Headers)
			}
			if n := b.depth(topology.ParkingQueue(b.queue.Name)); n > 0 {
				t.Errorf("%d messages were parked, want none", n)
			}
		})
	}
}

// TestRetriesWaitInTheWorkerIfTheParkingQueueCannotBeUsed: the user may not publish to the default
// exchange, or the queue does not exist and the worker does not declare it.
func TestRetriesWaitInTheWorkerIfTheParkingQueueCannotBeUsed(t *testing.T) {
	t.Parallel()
	runWithNode(t, "no permission", func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		p.revoke(func(u *rabbit.User) { u.Write = "^(" + p.queue.Name + ".*|warren[.].*)$" })
		p.waitsInTheWorker()
	})
	for _, mode := range []topology.Mode{topology.Verify, topology.Trust} {
		runWithNode(t, "no parking queue, "+string(mode), func(t *testing.T, node rabbit.Node) {
			p := ownedElsewhere(t, node, mode)
			if _, err := rabbit.Channel(t, node.URL()).QueueDelete(topology.ParkingQueue(p.queue.Name), false, false, false); err != nil {
				t.Fatal(err)
			}
			p.waitsInTheWorker(p.withMode)
		})
	}
}

func (p *permitted) waitsInTheWorker(change ...func(*worker.Config)) {
	p.t.Helper()
	var f failer
	r := p.run(&f, change...)
	p.publish("key", 1, broker.WithMessageID("m"))
	p.verdicts(3)
	f.want(p.t, "m 1", "m 2", "m 3")
	p.deadLetter()
	h := r.worker.Health()
	if !h.Ready || !strings.Contains(strings.Join(h.Warnings, "\n"), "retries wait in the worker") {
		p.t.Errorf("the health is %+v, want ready with a warning", h)
	}
	p.losesNoConnection()
}

// held runs a worker with a held message whose next attempt is far away.
func (b *bench) held(f *failer) *running {
	b.t.Helper()
	b.queue.HoldRetries = true
	b.queue.Retry = retry.Policy{MaxAttempts: 5, InitialInterval: 10 * time.Minute, Multiplier: 1, RandomizationFactor: -1}
	r := b.run(f)
	b.publish("key", 1, broker.WithMessageID("m"))
	b.eventually("the message is held", func() bool { return r.sub.Health().Held == 1 })
	return r
}

// TestAStopReleasesHeldMessagesAtOnce, and the next worker has them.
func TestAStopReleasesHeldMessagesAtOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		rabbit.Run(t, kind, func(t *testing.T) {
			b := newBench(t)
			b.queue.Type = kind
			var f, next failer
			r := b.held(&f)
			began := time.Now()
			if err := r.finish(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the stop took %v, want no wait for the retry", took)
			}
			b.eventually("the message is in the queue", func() bool { return b.depth(b.queue.Name) == 1 })
			b.run(&next)
			b.eventually("the next worker handles it", func() bool { return len(next.all()) == 1 })
		})
	}
}

// TestAPauseReleasesHeldMessages: the worker continues where it stopped.
func TestAPauseReleasesHeldMessages(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var f failer
		r := b.held(&f)
		r.sub.Pause()
		b.eventually("the message is in the queue", func() bool { return b.depth(b.queue.Name) == 1 })
		r.sub.Resume()
		b.eventually("the message is held again", func() bool { return r.sub.Health().Held == 1 })
		f.want(t, "m 1")
	})
}

// TestALostConnectionKeepsTheAttemptsOfHeldMessages in the process that made them.
func TestALostConnectionKeepsTheAttemptsOfHeldMessages(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{topology.Quorum, topology.Classic} {
		runWithNode(t, kind, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.Type, b.queue.HoldRetries = kind, true
			b.queue.Retry = retry.Policy{MaxAttempts: 3, InitialInterval: 3 * time.Second, Multiplier: 1, RandomizationFactor: -1}
			var f failer
			r := b.run(&f)
			b.publish("key", 1, broker.WithMessageID("m"))
			b.eventually("the message is held", func() bool { return r.sub.Health().Held == 1 })
			node.CloseConnections(t, "the test")
			b.eventually("the loss was noticed", func() bool { return wasIdle(b) })
			b.verdicts(3)
			f.want(t, "m 1", "m 2", "m 3")
		})
	}
}

// TestHeldMessagesThatFillThePrefetchAreAWarning.
func TestHeldMessagesThatFillThePrefetchAreAWarning(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var f failer
		r := b.held(&f)
		b.publish("key", 2)
		b.eventually("both are held", func() bool { return r.sub.Health().Held == 2 })
		if w := strings.Join(r.worker.Health().Warnings, "\n"); !strings.Contains(w, "raise Prefetch") {
			t.Errorf("the warnings are %q, want one that says to raise Prefetch", w)
		}
	})
}
