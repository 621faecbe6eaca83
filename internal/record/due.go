package record

import (
	"time"

	"github.com/warren-mq/warren/message"
)

// SetDue writes into the headers of m when m is to leave its parking queue. It moves the
// expiration of m to a header, because it would remove m from the parking queue. The
// expiration counts from the due time on.
func SetDue(m *message.Message, at time.Time) {
	if m.Headers == nil {
		m.Headers = make(message.Headers)
	}
	m.Headers[HeaderDue] = at.UTC().Format(time.RFC3339Nano)
	if m.Expiration != "" {
		m.Headers[HeaderDueExpiration], m.Expiration = m.Expiration, ""
	}
}

// Delay is SetDue for a message that is published now and due after d. It also writes the
// time, from which the receiver learns how far its clock is behind.
func Delay(m *message.Message, d time.Duration) {
	now := time.Now()
	SetDue(m, now.Add(d))
	m.Headers[HeaderDueSent] = now.UTC().Format(time.RFC3339Nano)
}

// DueSent returns when Delay was called for m, or the zero time if it was not, or m has
// passed a level since.
func DueSent(m *message.Message) time.Time {
	at, err := m.Headers.Time(HeaderDueSent)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Due returns when m is to leave its parking queue, or the zero time if its headers do not
// contain it.
func Due(m *message.Message) time.Time {
	at, err := m.Headers.Time(HeaderDue)
	if err != nil {
		return time.Time{}
	}
	return at
}

// SetDueRefusals writes into the headers of m how often a queue of its exchange has refused
// it, unless that is zero.
func SetDueRefusals(m *message.Message, n int) {
	if n > 0 {
		m.Headers[HeaderDueRefusals] = int64(n)
	}
}

// DueRefusals returns the number that SetDueRefusals has written, or 0.
func DueRefusals(m *message.Message) int {
	n, _ := m.Headers.Int(HeaderDueRefusals)
	return int(min(max(n, 0), maxRefusals))
}

// maxRefusals bounds a number from a header that anyone can write.
const maxRefusals = 1 << 20

// ClearDue undoes SetDue, and removes the headers that the broker has added in the
// meantime.
func ClearDue(m *message.Message) {
	if at := m.Headers.String(HeaderDueExpiration); at != "" {
		m.Expiration = at
	}
	delete(m.Headers, HeaderDue)
	delete(m.Headers, HeaderDueExpiration)
	delete(m.Headers, HeaderDueSent)
	delete(m.Headers, HeaderDueRefusals)
	for name := range m.Headers {
		if CountedByBroker(name) {
			delete(m.Headers, name)
		}
	}
}
