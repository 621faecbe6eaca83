package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/warren-mq/warren/message"
)

// DeadLetter is a message that was dead-lettered, and the reason. It is plain
// data.
type DeadLetter struct {
	// Message is the message as it was published. Its exchange and routing key come from
	// the first publish, if they are known. Its headers include the failure record. Its
	// Queue is the work queue.
	Message message.Message
	// ID is the message id. If the message has no id, it is "~" and a hash of the body,
	// exchange and routing key.
	ID string
	// Queue is the dead-letter queue that contains the message.
	Queue string
	// WorkQueue is the queue in which the message failed, and to which a replay publishes
	// it: the queue that x-death names, otherwise the queue that the failure record names,
	// otherwise "x" for a dead-letter queue named "x.dlq". It is empty if it is unknown.
	WorkQueue string

	// Reason is one of the message.Reason constants, or a reason of RabbitMQ itself
	// (expired, rejected, maxlen, delivery_limit), or unknown if the message has no
	// failure record.
	Reason      string
	Error       string // the text of the last failure
	ErrorType   string // the Go type of the last failure; empty if the broker dead-lettered the message
	Fingerprint string // equal for failures of one kind
	Stack       string // the stack of a panic
	Handler     string // the pattern that matched
	Host        string // the machine of the last attempt
	Attempts    int    // the number of attempts by the handler; 0 if unknown

	FirstFailedAt time.Time // zero if unknown
	FailedAt      time.Time // by the clock of the worker or broker that dead-lettered it; zero if unknown
	History       []Attempt // the attempts that the record has kept, the oldest first

	ReplayedAt time.Time // the latest replay before this failure; zero if it was never replayed
	ReplayedBy string
	EditedFrom string // the id of the message that this one was edited from

	// Malformed lists the parts of the record that could not be read. They are treated as
	// missing.
	Malformed []string
}

// Attempt is one failure in a dead letter's history.
type Attempt struct {
	Number int       `json:"attempt"` // counted from 1; 0 if the broker dead-lettered the message
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason"`
	Error  string    `json:"error"`
	Host   string    `json:"host,omitempty"`
}

// identify returns the DeadLetter.ID of m.
func identify(m *message.Message) string {
	if m.ID != "" {
		return m.ID
	}
	return "~" + digest(m.Exchange, m.RoutingKey, string(m.Body))
}

// digest returns a short hash of texts.
func digest(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
