package warrentest

import (
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// Outcome is the outcome of one attempt of a message. It is comparable, so a test can use ==
// or slices.Equal.
type Outcome struct {
	Attempt int            // counted from 1
	Verdict worker.Verdict // what the worker did with the message
	Reason  string         // for a retry or a dead letter, one of message's Reason constants
	Delay   time.Duration  // for a retry, the delay set by the handler or the queue's policy
	Stale   bool           // the connection was lost before, so the broker delivers the message again
}

// String returns the outcome in words, such as "attempt 2: retry in 4s (error)".
func (o Outcome) String() string {
	s := fmt.Sprintf("attempt %d: %v", o.Attempt, o.Verdict)
	if o.Verdict == worker.Retry {
		s += fmt.Sprintf(" in %v", o.Delay)
	}
	if o.Reason != "" {
		s += " (" + o.Reason + ")"
	}
	if o.Stale {
		s += ", stale"
	}
	return s
}

// Outcomes returns the outcomes of a queue so far, in order. With ids, it returns only the
// outcomes of the messages with these IDs. A policy randomizes its delays unless its
// RandomizationFactor is negative. Events has more details of each outcome. Outcomes fails the
// test if the worker does not have the queue.
func (r *Running) Outcomes(queue string, ids ...string) []Outcome {
	r.tb.Helper()
	settled := r.settlements(queue, ids)
	all := make([]Outcome, len(settled))
	for i, s := range settled {
		all[i] = s.outcome()
	}
	return all
}

func (s settlement) outcome() Outcome {
	o := s.Outcome
	return Outcome{Attempt: s.Message.Attempt, Verdict: o.Verdict, Reason: o.Reason, Delay: o.Delay, Stale: s.SettleErr != nil}
}

// Emitted returns the messages that the handlers of a queue have emitted so far, in order, for
// the messages of the queue or those with the ids. The broker has confirmed them; messages of a
// handler that failed are not among them. Emitted fails the test if the worker does not have the
// queue.
func (r *Running) Emitted(queue string, ids ...string) []*message.Message {
	r.tb.Helper()
	var all []*message.Message
	for _, s := range r.settlements(queue, ids) {
		all = append(all, s.Emitted...)
	}
	return all
}

// Delays returns the times between each outcome of a message and the next call of the handler
// with that message, in order, for the messages of a queue or those with the ids. A retry
// never waits less than its delay; in a testing/synctest bubble that
// is exact. Messages are identified by their IDs. Delays fails the test if the worker does not
// have the queue.
func (r *Running) Delays(queue string, ids ...string) []time.Duration {
	r.tb.Helper()
	var all []time.Duration
	left := make(map[string]time.Time)
	for _, s := range r.settlements(queue, ids) {
		if at, again := left[s.Message.ID]; again {
			all = append(all, s.at.Add(-s.Took).Sub(at))
		}
		left[s.Message.ID] = s.at
	}
	return all
}

func (r *Running) settlements(queue string, ids []string) []settlement {
	r.tb.Helper()
	if !r.hasQueue(queue) {
		return nil
	}
	r.mu.Lock()
	all := slices.Clone(r.settled[queue])
	r.mu.Unlock()
	return slices.DeleteFunc(all, func(s settlement) bool { return len(ids) > 0 && !slices.Contains(ids, s.Message.ID) })
}
