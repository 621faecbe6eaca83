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

// WantedHands is how many hands q is to have.
func WantedHands(q *Subscription) int {
	q.crew.mu.Lock()
	defer q.crew.mu.Unlock()
	return q.crew.wanted
}
