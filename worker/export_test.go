package worker

import (
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Decide is decide.
func Decide(err error, m *message.Message, p retry.Policy) Outcome { return decide(err, m, p) }

// Record is the failure record of a message that failed in the handler for pattern.
func Record(queue, pattern string, m *message.Message, out Outcome, now time.Time) message.Headers {
	a := &attempt{handler: pattern}
	a.Message = *m
	return record(queue, a, out, now)
}

// Fingerprint is fingerprint.
func Fingerprint(queue string, err error) string { return fingerprint(queue, err) }

// Clip is clip.
func Clip(s string, n int) string { return clip(s, n) }

// WantedHands is how many hands q is to have.
func WantedHands(q *Subscription) int {
	q.crew.mu.Lock()
	defer q.crew.mu.Unlock()
	return q.crew.wanted
}
