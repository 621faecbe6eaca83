package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// UnknownQueueError reports that the runner has no queue with the given name.
type UnknownQueueError struct {
	Queue string
	Known []string // the queues of the runner
}

// Error returns the name of the queue and a suggestion.
func (u *UnknownQueueError) Error() string {
	return fmt.Sprintf("runner: unknown queue %q%s", u.Queue, config.Meant(u.Queue, u.Known))
}

// Pause stops consuming a queue until Resume. It returns once the queue is paused, or
// after 5 s. Handlers may still be running then.
func (e *Engine) Pause(ctx context.Context, queue string) error {
	return e.control(ctx, queue, worker.StatePaused, (*worker.Subscription).Pause)
}

// Resume starts consuming a queue again. It returns once the queue is consumed, or after
// 5 s.
func (e *Engine) Resume(ctx context.Context, queue string) error {
	return e.control(ctx, queue, worker.StateConsuming, (*worker.Subscription).Resume)
}

// Scale sets how many messages of a queue are handled at the same time.
func (e *Engine) Scale(queue string, concurrency int) error {
	q, err := e.find(queue)
	if err != nil {
		return err
	}
	q.sub.SetConcurrency(concurrency)
	return nil
}

// settleTime is how long control waits for the new state of a queue, because the broker
// may be unreachable.
const settleTime = 5 * time.Second

// control changes a queue and waits for the state that follows.
func (e *Engine) control(ctx context.Context, name string, want worker.State, do func(*worker.Subscription)) error {
	q, err := e.find(name)
	if err != nil {
		return err
	}
	do(q.sub)
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	q.observed.await(ctx, func() bool { return q.sub.Health().State == want })
	return nil
}

func (e *Engine) find(name string) (*queue, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := make([]string, 0, len(e.queues))
	for _, q := range e.queues {
		known = append(known, q.config.Name)
	}
	if i := slices.Index(known, name); i >= 0 {
		return e.queues[i], nil
	}
	return nil, &UnknownQueueError{Queue: name, Known: known}
}

// observed is the state of a queue according to its events. The zero value is ready to use.
type observed struct {
	counts [worker.Release + 1]atomic.Int64 // outcomes by verdict

	mu      sync.Mutex
	changed chan struct{} // closed when the state changes; nil if no one waits
}

func (o *observed) note(event worker.Event) {
	switch event := event.(type) {
	case worker.Settled:
		if int(event.Outcome.Verdict) < len(o.counts) {
			o.counts[event.Outcome.Verdict].Add(1)
		}
	case worker.StateChanged:
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.changed != nil {
			close(o.changed)
			o.changed = nil
		}
	}
}

// await blocks until reached returns true after a change of the state, or ctx is done.
func (o *observed) await(ctx context.Context, reached func() bool) {
	for {
		o.mu.Lock()
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if reached() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
