package engine

import (
	"slices"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// Status is the state of a runner, as its API returns it.
type Status struct {
	Ready     bool          `json:"ready"`
	Reasons   []string      `json:"reasons,omitempty"`
	Warnings  []string      `json:"warnings,omitempty"`            // what is wrong although it is ready
	BrokerURL string        `json:"embedded_broker_url,omitempty"` // only of an embedded broker
	Queues    []QueueStatus `json:"queues"`
	Scheduler string        `json:"scheduler,omitempty"` // its role; empty without schedules
}

// QueueStatus is the state of one queue. The counts are of this process, since the queue
// was started.
type QueueStatus struct {
	Name        string `json:"name"`
	Broker      string `json:"broker,omitempty"` // its name in brokers
	State       string `json:"state"`
	Error       string `json:"error,omitempty"`
	Concurrency int    `json:"concurrency"`
	Configured  int    `json:"configured_concurrency"`
	InHand      int    `json:"in_hand"`
	Overdue     int    `json:"overdue,omitempty"` // handlers that ignore their timeout
	Acked       int64  `json:"acked"`
	Retried     int64  `json:"retried"`
	DeadLetters int64  `json:"dead_lettered"`
	Discarded   int64  `json:"discarded"`
	Released    int64  `json:"released"`
}

// Status returns the current state.
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
		h := q.worker.Health()
		s.Reasons, s.Warnings = append(s.Reasons, h.Reasons...), append(s.Warnings, h.Warnings...)
		s.Queues = append(s.Queues, q.status())
	}
	if e.scheduler != nil {
		h := e.scheduler.Health()
		s.Scheduler = h.Role
		s.Reasons = append(s.Reasons, h.Reasons...)
	}
	slices.Sort(s.Reasons) // all queues report the faults of the shared connections
	s.Reasons = slices.Compact(s.Reasons)
	s.Ready = len(s.Reasons) == 0
	return s
}

func (q *queue) status() QueueStatus {
	h := q.sub.Health()
	s := QueueStatus{
		Name: h.Name, Broker: q.config.Broker, State: h.State.String(), Concurrency: h.Concurrency, Configured: q.config.AtOnce(), InHand: h.InHand, Overdue: h.Overdue,
		Acked: q.observed.counts[worker.Ack].Load(), Retried: q.observed.counts[worker.Retry].Load(),
		DeadLetters: q.observed.counts[worker.DeadLetter].Load(), Discarded: q.observed.counts[worker.Discard].Load(),
		Released: q.observed.counts[worker.Release].Load(),
	}
	if h.Err != nil {
		s.Error = h.Err.Error()
	}
	return s
}

// Config returns the current configuration.
func (e *Engine) Config() *config.Config {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config
}
