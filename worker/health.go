package worker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// State is the state of a queue.
type State int

// States of a queue.
const (
	StateStarting  State = iota // not yet consuming for the first time
	StateConsuming              // receiving messages
	StatePaused                 // by Subscription.Pause
	StateIdle                   // not receiving although it should; it keeps trying
	StateDraining               // stopping
)

// String returns the state's name.
func (s State) String() string {
	names := [...]string{"starting", "consuming", "paused", "idle", "draining"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return names[s]
}

// Health reports whether a worker is ready and, if it is not, why.
type Health struct {
	// Ready is true when both connections are open and, for every queue: it consumes or was
	// paused by Pause; at least one of its goroutines is not held by a handler that ignores its
	// timeout; the broker has confirmed every copy for a retry or the dead-letter queue within
	// 10 s; and the broker has accepted the last declaration of its topology.
	Ready   bool
	Reasons []string // why it is not ready
	// Warnings says what is wrong although the worker is ready: which queues and exchanges
	// have not taken delayed messages that are due, for 10 s or longer, whether the clock
	// of this machine is more than 1 s behind the clock of a publisher of such messages, which
	// parts of the topology could not be verified, and where retries wait in the worker
	// although they should wait in a parking queue.
	Warnings []string
	Queues   []QueueHealth
}

// QueueHealth is the health of one queue.
type QueueHealth struct {
	Name        string
	State       State
	Err         error // why it does not consume
	InHand      int   // messages in handlers, or whose copy is not confirmed yet
	Concurrency int   // of each partition, if there are any
	// Partitions are the numbers of the partitions that this process consumes.
	Partitions []int
	// Overdue is the number of handlers that have not returned 5 s after their deadline.
	Overdue int
	// Unconfirmed is the number of copies, for a retry or the dead-letter queue, that the
	// broker has not confirmed for 10 s; CopyErr says why.
	Unconfirmed int
	CopyErr     error
	// Held is the number of messages that wait in the worker for their next attempt.
	Held int
	// TopologyErr says what the broker refused when the queue's exchange, bindings and
	// dead-letter queue were declared again, about every third heartbeat.
	TopologyErr error

	stuck string // the message of the handler that has run longest
}

// Health reports the state at this moment. It is safe for concurrent use.
func (w *Worker) Health() Health {
	h := Health{Queues: make([]QueueHealth, len(w.queues))}
	if s, err := w.connections.consuming.Current(); s == nil {
		h.Reasons = append(h.Reasons, fmt.Sprintf("consuming connection: %v", err))
	}
	if s, err := w.connections.sender.Connector().Current(); s == nil {
		h.Reasons = append(h.Reasons, fmt.Sprintf("publishing connection: %v", err))
	} else if blocked := s.Blocked(); blocked != "" {
		h.Reasons = append(h.Reasons, "publishing connection: blocked by the broker: "+blocked)
	}
	for i, q := range w.queues {
		h.Queues[i] = q.Health()
		h.Reasons = append(h.Reasons, h.Queues[i].notReady()...)
		h.Warnings = append(h.Warnings, q.keptWarnings()...)
		for _, p := range q.handling() {
			h.Warnings = append(h.Warnings, p.heldWarnings()...)
		}
	}
	if len(h.Reasons) == 0 { // whatever they are, they are reasons for the parking queues too
		for _, p := range w.parkings {
			h.Reasons = append(h.Reasons, p.notReady()...)
		}
	}
	for _, p := range w.parkings {
		h.Warnings = append(h.Warnings, p.warnings()...)
	}
	h.Warnings = slices.Compact(append(h.Warnings, w.trusted.warnings()...)) // partitions may have the same
	h.Ready = len(h.Reasons) == 0
	return h
}

// Health reports the queue's state at this moment.
func (q *Subscription) Health() QueueHealth {
	h := QueueHealth{Name: q.config.Name, InHand: int(q.busy.Load())}
	h.Unconfirmed, h.CopyErr = q.copies.late()
	h.Held = q.holds.len()
	var oldest run
	if h.Overdue, oldest = q.overdue.count(); h.Overdue > 0 {
		h.stuck = fmt.Sprintf("message %s with key %q, in hand for %v", oldest.id, oldest.key, time.Since(oldest.began).Round(time.Second))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	h.State, h.Err, h.Concurrency, h.TopologyErr = q.state, q.reason, q.concurrency, q.topologyErr
	for _, p := range q.partitions {
		h.add(p.Health(), p.partition)
	}
	return h
}

// add adds the health of a partition.
func (q *QueueHealth) add(p QueueHealth, partition int) {
	q.InHand += p.InHand
	q.Held += p.Held
	q.Unconfirmed += p.Unconfirmed
	q.CopyErr = cmp.Or(q.CopyErr, p.CopyErr)
	q.Concurrency = p.Concurrency
	if p.State == StateConsuming {
		q.Partitions = append(q.Partitions, partition)
	}
	if q.State == StateConsuming && p.State == StateIdle {
		q.State, q.Err = p.State, p.Err
	}
}

func (q QueueHealth) notReady() (reasons []string) {
	add := func(format string, args ...any) {
		reasons = append(reasons, fmt.Sprintf("queue %s "+format, append([]any{q.Name}, args...)...))
	}
	switch {
	case q.State == StateConsuming, q.State == StatePaused:
	case q.Err != nil:
		add("is %s: %v", q.State, q.Err)
	default:
		add("is %s", q.State)
	}
	if q.TopologyErr != nil && q.Err == nil {
		add("lacks a part of its topology, or may: %v", q.TopologyErr)
	}
	if q.Overdue > 0 && q.Overdue >= q.Concurrency*max(len(q.Partitions), 1) {
		add("is stuck: all of its %d handlers ignore their timeout; the oldest has %s", q.Overdue, q.stuck)
	}
	if q.Unconfirmed > 0 {
		cause := q.CopyErr
		if cause == nil {
			cause = errUnanswered
		}
		add("has %d copies for a retry or the dead-letter queue that the broker has not confirmed for %v: %v", q.Unconfirmed, unconfirmedLimit, cause)
	}
	return reasons
}

var errUnanswered = errors.New("the broker does not answer")

// setState sets the state, and emits an event if it has changed.
func (q *Subscription) setState(s State, err error) {
	q.mu.Lock()
	same := q.state == s && (err == nil) == (q.reason == nil)
	began := !q.began && (s == StateConsuming || s == StatePaused)
	q.began = q.began || began
	q.state, q.reason = s, err
	q.mu.Unlock()
	if began {
		q.worker.began()
	}
	if !same && (q.whole == nil || err != nil) {
		q.worker.emit(StateChanged{Queue: q.config.Name, State: s, Err: err})
	}
}
