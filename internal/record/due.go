package record

import (
	"time"

	"github.com/warren-mq/warren/message"
)

// SetDue notes in the headers of m when m is to leave its parking queue. The expiration of m counts from then on: it would remove m from the parking
// queue.
func SetDue(m *message.Message, at time.Time) {
	if m.Headers == nil {
		m.Headers = make(message.Headers)
	}
	m.Headers[HeaderDue] = at.UTC().Format(time.RFC3339Nano)
	if m.Expiration != "" {
		m.Headers[HeaderDueExpiration], m.Expiration = m.Expiration, ""
	}
}

// Due returns when m is to leave its parking queue; the zero time if m does not say so.
func Due(m *message.Message) time.Time {
	at, err := m.Headers.Time(HeaderDue)
	if err != nil {
		return time.Time{}
	}
	return at
}

// ClearDue makes m again what it was before SetDue, and removes what the broker has added
// to the headers on the way.
func ClearDue(m *message.Message) {
	if at := m.Headers.String(HeaderDueExpiration); at != "" {
		m.Expiration = at
	}
	delete(m.Headers, HeaderDue)
	delete(m.Headers, HeaderDueExpiration)
	for name := range m.Headers {
		if CountedByBroker(name) {
			delete(m.Headers, name)
		}
	}
}
