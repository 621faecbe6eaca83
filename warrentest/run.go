package warrentest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/worker"
)

// Running is a worker at work, and what was seen of it. Its methods are safe for
// concurrent use.
type Running struct {
	tb      testing.TB
	worker  *worker.Worker
	queues  []string // those it consumes from
	holding []string // those that hold its messages on their way: its queues and the delay ladder
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the worker has ended
	err     error         // of its Run; read after done is closed
	bell    bell

	mu      sync.Mutex
	broker  *Broker // it has connected to; nil if that is another one
	events  []worker.Event
	settled map[string][]settlement // by queue
	asked   bool                    // for the error, by Stop
}

// settlement is a Settled and when it happened.
type settlement struct {
	worker.Settled
	at time.Time
}

// runningKey finds a Running in the context that its worker connects with.
type runningKey struct{}

// errStopped is the cause of the drain.
var errStopped = errors.New("warrentest: the test stops the worker")

// Run runs w until the test ends, and returns when every queue consumes. If w does
// not get so far, the test ends; if its Run returns an error later that no Stop has
// asked for, the test fails. Run must come before w.Run.
func Run(tb testing.TB, w *worker.Worker) *Running {
	tb.Helper()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(tb.Context()))
	r := &Running{tb: tb, worker: w, cancel: cancel, done: make(chan struct{}), settled: make(map[string][]settlement)}
	for _, q := range w.Health().Queues {
		r.queues = append(r.queues, q.Name)
	}
	r.holding = holding(w.Topology(), r.queues)
	w.Watch(r.record)
	go func() {
		defer close(r.done)
		r.err = w.Run(context.WithValue(ctx, runningKey{}, r))
	}()
	tb.Cleanup(r.end)
	starting().await(tb, &r.bell, r.begun, r.unready)
	if r.ended() {
		tb.Fatalf("warrentest: the worker does not run: %v", r.Stop())
	}
	return r
}

// Stop stops the worker as a signal would, and returns when it has drained, with what
// its Run returned. Stopping twice is harmless.
func (r *Running) Stop() error {
	r.mu.Lock()
	r.asked = true
	r.mu.Unlock()
	r.cancel(errStopped)
	<-r.done
	return r.err
}

// Events returns all events of the worker so far, in the order they happened.
func (r *Running) Events() []worker.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *Running) record(e worker.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	s, settled := e.(worker.Settled)
	if settled {
		r.settled[s.Queue] = append(r.settled[s.Queue], settlement{s, time.Now()})
	}
	b := r.broker
	r.mu.Unlock()
	r.bell.ring(settled)
	if b != nil {
		b.bell.ring(settled)
	}
}

// join notes the broker of the worker. It returns false if it was noted before.
func (r *Running) join(b *Broker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broker != nil {
		return false
	}
	r.broker = b
	return true
}

// begun says whether the worker is ready, or will never be.
func (r *Running) begun() bool {
	select {
	case <-r.worker.Ready():
		return true
	default:
		return r.ended()
	}
}

func (r *Running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// end is the end of the test.
func (r *Running) end() {
	r.mu.Lock()
	asked := r.asked
	r.mu.Unlock()
	if err := r.Stop(); err != nil && !asked {
		r.tb.Errorf("warrentest: Run of the worker returned: %v", err)
	}
}

// knows says whether the worker has the queue; if not, the test fails.
func (r *Running) knows(queue string) bool {
	r.tb.Helper()
	if slices.Contains(r.queues, queue) {
		return true
	}
	r.tb.Errorf("warrentest: the worker has no queue %q, only %q", queue, r.queues)
	return false
}
