package warrentest

import (
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/worker"
)

// Outcome is what became of a message in one attempt. It is comparable: write down
// what you want, and use == or slices.Equal.
type Outcome struct {
	Attempt int            // counted from 1
	Verdict worker.Verdict // what the worker did with the message
	Reason  string         // of a retry or a dead letter: one of message's Reason constants
	Delay   time.Duration  // of a retry: what the handler or the queue's policy asked for
	Stale   bool           // it came after the connection was lost: the broker delivers the message again
}

// String tells the outcome in words, such as "attempt 2: retry in 4s (error)".
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

// Outcomes returns what has become of the messages of a queue so far, in the order it
// happened; of those with the ids alone, if there are any. The delays of a policy are
// spread at random unless its RandomizationFactor is negative. For all that is known of
// an outcome see Events. The test fails if the worker has no such queue.
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

// Delays returns how long the messages of a queue, or those with the ids, were away
// before they came again, in the order they did: from each outcome until the handler
// had the message the next time. A retry waits in steps of topology.DelayGrain, never
// less than its delay; in a testing/synctest bubble that is exact. Messages are told
// apart by their ids. The test fails if the worker has no such queue.
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
	if !r.knows(queue) {
		return nil
	}
	r.mu.Lock()
	all := slices.Clone(r.settled[queue])
	r.mu.Unlock()
	return slices.DeleteFunc(all, func(s settlement) bool { return len(ids) > 0 && !slices.Contains(ids, s.Message.ID) })
}
