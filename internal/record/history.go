package record

import (
	"encoding/json"

	"github.com/warren-mq/warren/message"
)

// entry is one attempt in the history header.
type entry struct {
	Attempt int    `json:"attempt"`
	At      string `json:"at"`
	Reason  string `json:"reason"`
	Error   string `json:"error"`
	Host    string `json:"host"`
}

const (
	keptLatest      = 9        // attempts kept beside the first
	maxHistoryBytes = 16 << 10 // a longer one was not written by Warren, and is not read
)

// history adds e to the attempts that m already carries, and keeps the first and the latest
// nine. It drops a history that cannot be read, because the current attempt is more
// important.
func history(m *message.Message, queue string, e entry) string {
	var entries []entry
	text := m.Headers.String(HeaderHistory)
	if continues(m, queue) && len(text) <= maxHistoryBytes {
		if json.Unmarshal([]byte(text), &entries) != nil {
			entries = nil
		}
	}
	entries = append(entries, e)
	if extra := len(entries) - 1 - keptLatest; extra > 0 {
		entries = append(entries[:1], entries[1+extra:]...)
	}
	out, err := json.Marshal(entries)
	if err != nil || len(out) > maxHistoryBytes {
		return ""
	}
	return string(out)
}
