package worker

import "fmt"

// State is what a queue is doing.
type State int

// States of a queue.
const (
	StateStarting  State = iota // not yet consuming for the first time
	StateConsuming              // receiving messages
	StatePaused                 // by Subscription.Pause
	StateIdle                   // not receiving although it should; it keeps trying
	StateDraining               // stopping
)

// String is the state's name.
func (s State) String() string {
	names := [...]string{"starting", "consuming", "paused", "idle", "draining"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return names[s]
}

// Health says whether a worker does its work, and if not, why.
type Health struct {
	// Ready is true when both connections are up and every queue consumes, or was
	// paused on purpose.
	Ready   bool
	Reasons []string // why it is not ready
	Queues  []QueueHealth
}

// QueueHealth is the part of one queue.
type QueueHealth struct {
	Name        string
	State       State
	Err         error // why it does not consume
	InHand      int   // messages being handled now
	Concurrency int
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
		if reason := h.Queues[i].notReady(); reason != "" {
			h.Reasons = append(h.Reasons, reason)
		}
	}
	h.Ready = len(h.Reasons) == 0
	return h
}

// Health reports the queue's state at this moment.
func (q *Subscription) Health() QueueHealth {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueHealth{
		Name: q.config.Name, State: q.state, Err: q.reason,
		InHand: int(q.busy.Load()), Concurrency: q.concurrency,
	}
}

func (q QueueHealth) notReady() string {
	switch {
	case q.State == StateConsuming, q.State == StatePaused:
		return ""
	case q.Err != nil:
		return fmt.Sprintf("queue %s is %s: %v", q.Name, q.State, q.Err)
	}
	return fmt.Sprintf("queue %s is %s", q.Name, q.State)
}

// setState notes the state, and tells of a change.
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
	if !same {
		q.worker.emit(StateChanged{Queue: q.config.Name, State: s, Err: err})
	}
}
