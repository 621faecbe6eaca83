package worker

import (
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Decide is decide.
func Decide(err error, m *message.Message, p retry.Policy) Outcome { return decide(err, m, p) }

// Record is the failure record of a message with that outcome.
func Record(queue string, m *message.Message, out Outcome) message.Headers {
	a := &attempt{}
	a.Message = *m
	return (&Subscription{config: Queue{Name: queue}}).failure(a, out).Headers()
}

// WantedGoroutines returns how many goroutines the pool of q is to have.
func WantedGoroutines(q *Subscription) int {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	return q.pool.wanted
}

// CheckpointsInHand returns how many attempts have their checkpoints recorded while they run.
func CheckpointsInHand(q *Subscription) int {
	q.stops.mu.Lock()
	defer q.stops.mu.Unlock()
	return len(q.stops.inHand)
}

// OpenHolds returns how many deliveries the worker knows to have been held and not to be settled.
func OpenHolds(q *Subscription) int {
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	q.stops.mu.Lock()
	defer q.stops.mu.Unlock()
	return len(q.holds.opened) + len(q.stops.held)
}
