package warrentest

import (
	"fmt"
	"strings"
)

// shown is the number of latest outcomes in a report.
const shown = 3

// report returns a line for each queue of the broker and for the state of each worker.
func (b *Broker) report() string {
	var s strings.Builder
	for _, q := range b.held() {
		fmt.Fprintf(&s, "\n\tqueue %s: %d ready, %d delayed, %d unacked, %d leaving", q.Name, q.Ready, q.Delayed, q.Unacked, q.Leaving)
	}
	for _, r := range b.running() {
		s.WriteString(r.report())
	}
	return s.String()
}

// report returns the state of the worker, with a line for each of its queues.
func (r *Running) report() string {
	var s strings.Builder
	if r.ended() {
		s.WriteString("\n\tthe worker has stopped")
	}
	for _, reason := range r.worker.Health().Reasons {
		fmt.Fprintf(&s, "\n\tthe worker is not ready: %s", reason)
	}
	for _, q := range r.worker.Health().Queues {
		fmt.Fprintf(&s, "\n\tworker of %s: %v, %d in handlers, %d settled", q.Name, q.State, q.InHand, r.count(q.Name))
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
		if n := len(s.Emitted); n > 0 {
			line += fmt.Sprintf(", emitted %d messages", n)
		}
		all = append(all, line)
	}
	return all
}
