package record

import (
	"time"

	"github.com/warren-mq/warren/message"
)

// SetDeadline writes into m until when its caller waits for the reply.
func SetDeadline(m *message.Message, deadline time.Time) {
	if m.Headers == nil {
		m.Headers = make(message.Headers, 1)
	}
	m.Headers[HeaderDeadline] = deadline.UnixMilli()
}

// Deadline returns until when the caller of m waits for the reply. It returns false if m has no
// deadline, or was replayed by hand: it is then to be handled, although the caller has gone.
func Deadline(m *message.Message) (time.Time, bool) {
	ms, ok := m.Headers.Int(HeaderDeadline)
	if _, replayed := m.Headers[HeaderReplayedAt]; !ok || replayed {
		return time.Time{}, false
	}
	return time.UnixMilli(ms), true
}
