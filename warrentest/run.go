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

// Running is a running worker with its recorded events. Its methods are safe for concurrent use.
type Running struct {
	tb      testing.TB
	worker  *worker.Worker
	queues  []string // the worker's queues
	letters []string // the dead-letter queues of queues; empty for those without one
	holding []string // those that hold its messages on their way: its work queues and parking queues
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the worker has ended
	err     error         // returned by the worker's Run; read after done is closed
	bell    bell

	mu      sync.Mutex
	broker  *Broker // the broker that it connects to; nil if it is not a Broker
	events  []worker.Event
	settled map[string][]settlement // by queue
	asked   bool                    // Stop has returned the error
}

// settlement is a Settled event and its time.
type settlement struct {
	worker.Settled
	at time.Time
}

// runningKey is the key of a Running in the context that its worker connects with.
type runningKey struct{}

// errStopped is the cause of the worker's drain.
var errStopped = errors.New("warrentest: the test stopped the worker")

// Run runs w until the test ends, and returns when every queue has its consumer. If w does not
// become ready, Run ends the test. If w.Run returns an error later, the test fails, unless Stop
// returned that error. The test must not call w.Run itself.
func Run(tb testing.TB, w *worker.Worker) *Running {
	tb.Helper()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(tb.Context()))
	r := &Running{tb: tb, worker: w, cancel: cancel, done: make(chan struct{}), settled: make(map[string][]settlement)}
	t := w.Topology()
	for _, q := range w.Health().Queues {
		dlq, _ := t.DeadLetterQueue(q.Name)
		r.queues, r.letters = append(r.queues, q.Name), append(r.letters, dlq)
	}
	r.holding = holding(t, r.letters)
	w.Watch(r.record)
	go func() {
		defer close(r.done)
		r.err = w.Run(context.WithValue(ctx, runningKey{}, r))
	}()
	tb.Cleanup(r.end)
	starting().await(tb, &r.bell, r.begun, r.unready)
	if r.ended() {
		tb.Fatalf("warrentest: run the worker: %v", r.Stop())
	}
	return r
}

// Stop stops the worker as a signal does, waits until it has drained, and returns the error of
// its Run. It may be called more than once.
func (r *Running) Stop() error {
	r.mu.Lock()
	r.asked = true
	r.mu.Unlock()
	r.cancel(errStopped)
	<-r.done
	return r.err
}

// Events returns all events of the worker so far, in order.
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

// join records the broker of the worker. It returns false if it was recorded before.
func (r *Running) join(b *Broker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broker != nil {
		return false
	}
	r.broker = b
	return true
}

// begun reports whether the worker is ready or has ended.
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

// end stops the worker at the end of the test, and fails the test for an unexpected error.
func (r *Running) end() {
	r.mu.Lock()
	asked := r.asked
	r.mu.Unlock()
	if err := r.Stop(); err != nil && !asked {
		r.tb.Errorf("warrentest: the worker's Run returned: %v", err)
	}
}

// hasQueue reports whether the worker has the queue. If not, it fails the test.
func (r *Running) hasQueue(queue string) bool {
	r.tb.Helper()
	if slices.Contains(r.queues, queue) {
		return true
	}
	r.tb.Errorf("warrentest: queue %q is not a queue of the worker, want one of %q", queue, r.queues)
	return false
}
