package warrentest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// WaitSettled waits until the queue has n outcomes, one for each attempt, and returns all
// outcomes so far. If no message was settled for 30 s, or for ten days in a testing/synctest
// bubble, it ends the test with a report.
func (r *Running) WaitSettled(queue string, n int) []Outcome {
	r.tb.Helper()
	if !r.hasQueue(queue) {
		r.tb.FailNow()
	}
	working().await(r.tb, &r.bell,
		func() bool { return r.count(queue) >= n },
		func() string {
			return fmt.Sprintf("queue %s has %d outcomes, want %d%s", queue, r.count(queue), n, r.report())
		})
	return r.Outcomes(queue)
}

// WaitIdle waits until everything published is dealt with: the queues of all workers
// that Run has started on this broker are empty, nothing waits to be delivered later, and no handler
// is at work. Dead-letter queues may hold what they want. It has the patience of
// Running.WaitSettled.
func (b *Broker) WaitIdle() {
	b.tb.Helper()
	if len(b.running()) == 0 {
		b.tb.Fatalf("warrentest: no worker has connected to the broker, want one that Run has started")
	}
	working().await(b.tb, &b.bell, b.idle, func() string { return "there are messages left" + b.report() })
}

// idle checks the queues first: once they are empty, the workers only have to emit the events of
// the last messages.
func (b *Broker) idle() bool {
	return len(b.held()) == 0 && !slices.ContainsFunc(b.running(), (*Running).busy)
}

// held returns the queues that messages pass through and that are not empty.
func (b *Broker) held() []devbroker.QueueInfo {
	var names []string
	for _, r := range b.running() {
		names = append(names, r.holding...)
	}
	return slices.DeleteFunc(b.Queues(), func(q devbroker.QueueInfo) bool {
		passes := slices.Contains(names, q.Name) || strings.HasPrefix(q.Name, topology.LevelPrefix)
		return q.VHost != b.vhost || q.Ready+q.Delayed+q.Unacked+q.Leaving == 0 || !passes
	})
}

// holding returns the queues of a topology that messages pass through, without the dead-letter
// queues.
func holding(t topology.Topology, letters []string) (names []string) {
	for _, q := range t.Queues {
		if !slices.Contains(letters, q.Name) {
			names = append(names, q.Name)
		}
	}
	return names
}

// busy reports whether a handler is running.
func (r *Running) busy() bool {
	return slices.ContainsFunc(r.worker.Health().Queues, func(q worker.QueueHealth) bool { return q.InHand > 0 })
}

func (r *Running) count(queue string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.settled[queue])
}
