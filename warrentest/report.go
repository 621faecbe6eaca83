package warrentest

import (
	"fmt"
	"strings"
)

// shown is how many of the latest outcomes a report has.
const shown = 3

// report tells what the broker holds and how its workers are, a line each.
func (b *Broker) report() string {
	var s strings.Builder
	for _, q := range b.held() {
		fmt.Fprintf(&s, "\n\tqueue %s: %d waiting, %d in hand, %d leaving", q.Name, q.Ready, q.Unacked, q.Leaving)
	}
	for _, r := range b.running() {
		s.WriteString(r.report())
	}
	return s.String()
}

// report tells how the worker is, a line for each queue.
func (r *Running) report() string {
	var s strings.Builder
	if r.ended() {
		s.WriteString("\n\tthe worker has stopped")
	}
	for _, reason := range r.worker.Health().Reasons {
		fmt.Fprintf(&s, "\n\tthe worker is not ready: %s", reason)
	}
	for _, q := range r.worker.Health().Queues {
		fmt.Fprintf(&s, "\n\tworker of %s: %v, %d in hand, %d settled", q.Name, q.State, q.InHand, r.count(q.Name))
		for _, o := range r.latest(q.Name) {
			fmt.Fprintf(&s, "\n\t\t%v", o)
		}
	}
	return s.String()
}

func (r *Running) unready() string { return "the worker is not ready" + r.report() }

func (r *Running) latest(queue string) (all []string) {
	outcomes := r.settlements(queue, nil)
	if more := len(outcomes) - shown; more > 0 {
		outcomes = outcomes[more:]
		all = append(all, "…")
	}
	for _, s := range outcomes {
		line := s.outcome().String()
		if err := s.Outcome.Err; err != nil {
			line += ": " + err.Error()
		}
		all = append(all, line)
	}
	return all
}
