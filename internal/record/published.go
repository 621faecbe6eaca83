package record

import (
	"time"

	"github.com/warren-mq/warren/message"
)

// SetPublished writes into the headers of m that it is published now.
func SetPublished(m *message.Message) {
	if m.Headers == nil {
		m.Headers = make(message.Headers, 1)
	}
	m.Headers[HeaderPublishedAt] = time.Now().UnixMilli()
}

// Waited returns how long m has waited since it was published, at least 0, as far as the
// clocks of publisher and receiver agree. It uses the header of SetPublished, or in the first
// attempt the timestamp. It returns false if m has neither.
func Waited(m *message.Message, now time.Time) (time.Duration, bool) {
	if ms, ok := m.Headers.Int(HeaderPublishedAt); ok {
		return max(now.Sub(time.UnixMilli(ms)), 0), true
	}
	if m.Attempt > 1 || m.Timestamp.IsZero() {
		return 0, false
	}
	return max(now.Sub(m.Timestamp), 0), true
}
