package engine

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// Status is what a runner is doing: the answer of its API.
type Status struct {
	Ready     bool          `json:"ready"`
	Reasons   []string      `json:"reasons,omitempty"`
	BrokerURL string        `json:"embedded_broker_url,omitempty"` // of the embedded broker alone
	Queues    []QueueStatus `json:"queues"`
	Scheduler string        `json:"scheduler,omitempty"` // its role; empty without schedules
}

// QueueStatus is the part of one queue. Counts are of this process, since the queue was
// started.
type QueueStatus struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Error       string `json:"error,omitempty"`
	Concurrency int    `json:"concurrency"`
	Configured  int    `json:"configured_concurrency"`
	InHand      int    `json:"in_hand"`
	Acked       int64  `json:"acked"`
	Retried     int64  `json:"retried"`
	DeadLetters int64  `json:"dead_lettered"`
	Discarded   int64  `json:"discarded"`
	Released    int64  `json:"released"`
}

// counts are outcomes by verdict.
type counts [worker.Release + 1]atomic.Int64

func (c *counts) note(event worker.Event) {
	if s, ok := event.(worker.Settled); ok && int(s.Outcome.Verdict) < len(c) {
		c[s.Outcome.Verdict].Add(1)
	}
}

// Status is the state at this moment.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Status{BrokerURL: e.EmbeddedURL(), Queues: make([]QueueStatus, 0, len(e.queues))}
	select {
	case <-e.working:
	default:
		s.Reasons = append(s.Reasons, "starting")
	}
	if e.stopped {
		s.Reasons = append(s.Reasons, "stopping")
	}
	for _, q := range e.queues {
		s.Reasons = append(s.Reasons, q.worker.Health().Reasons...)
		s.Queues = append(s.Queues, q.status())
	}
	if e.scheduler != nil {
		h := e.scheduler.Health()
		s.Scheduler = h.Role
		s.Reasons = append(s.Reasons, h.Reasons...)
	}
	slices.Sort(s.Reasons) // the connections are those of all
	s.Reasons = slices.Compact(s.Reasons)
	s.Ready = len(s.Reasons) == 0
	return s
}

func (q *queue) status() QueueStatus {
	h := q.sub.Health()
	s := QueueStatus{
		Name: h.Name, State: h.State.String(), Concurrency: h.Concurrency, Configured: q.config.Concurrency, InHand: h.InHand,
		Acked: q.counts[worker.Ack].Load(), Retried: q.counts[worker.Retry].Load(),
		DeadLetters: q.counts[worker.DeadLetter].Load(), Discarded: q.counts[worker.Discard].Load(),
		Released: q.counts[worker.Release].Load(),
	}
	if h.Err != nil {
		s.Error = h.Err.Error()
	}
	return s
}

// Config is the configuration at work.
func (e *Engine) Config() *config.Config {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config
}

// UnknownQueueError says that the runner has no such queue.
type UnknownQueueError struct{ Queue string }

// Error names the queue.
func (u *UnknownQueueError) Error() string {
	return fmt.Sprintf("runner: there is no queue %q in this runner", u.Queue)
}

// Pause has a queue receive nothing until Resume.
func (e *Engine) Pause(queue string) error {
	return e.control(queue, (*worker.Subscription).Pause)
}

// Resume has a queue receive again.
func (e *Engine) Resume(queue string) error {
	return e.control(queue, (*worker.Subscription).Resume)
}

// Scale sets how many messages of a queue are in hand at a time.
func (e *Engine) Scale(queue string, concurrency int) error {
	return e.control(queue, func(s *worker.Subscription) { s.SetConcurrency(concurrency) })
}

func (e *Engine) control(name string, do func(*worker.Subscription)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.queues, func(q *queue) bool { return q.config.Name == name })
	if i < 0 {
		return &UnknownQueueError{Queue: name}
	}
	do(e.queues[i].sub)
	return nil
}
