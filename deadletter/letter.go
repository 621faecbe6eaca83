package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/warren-mq/warren/message"
)

// Letter is a dead letter: a message that was given up on, and why. It is plain data.
type Letter struct {
	// Message is as it was published: exchange and routing key are those of the first
	// publish, as far as anything tells, and the headers include the failure record.
	// Its Queue is the work queue.
	Message message.Message
	// ID is the message id. For a message that has none it is "~" and a hash of its
	// body, exchange and routing key.
	ID string
	// Queue is the dead-letter queue it lies in.
	Queue string
	// WorkQueue is where it failed, and where a replay takes it; empty if nothing
	// tells. A queue named "x.dlq" is that of "x", whatever a message says.
	WorkQueue string

	// Reason is one of the message.Reason constants; or what RabbitMQ calls its own
	// reasons: expired, rejected, maxlen, delivery_limit; or unknown, if the message
	// came here without a record.
	Reason      string
	Error       string // the text of the last failure
	ErrorType   string // its Go type; empty if the broker gave up on the message
	Fingerprint string // the same for failures of one kind
	Stack       string // of a panic
	Handler     string // the pattern that matched
	Host        string // the machine of the last attempt
	Attempts    int    // the attempts the handler made; 0 if it is not known

	FirstFailedAt time.Time // zero if it is not known
	FailedAt      time.Time // by the clock of who gave up on it; zero if it is not known
	History       []Attempt // the oldest first; what the record has kept of them

	ReplayedAt time.Time // of the latest replay before this failure; zero if there was none
	ReplayedBy string
	EditedFrom string // the id of the message this one was edited from

	// Malformed lists what of the record could not be read, and is as if it were missing.
	Malformed []string
}

// Attempt is one failure in a letter's history.
type Attempt struct {
	Number int       `json:"attempt"` // counted from 1; 0 for what the broker did
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason"`
	Error  string    `json:"error"`
	Host   string    `json:"host,omitempty"`
}

// identify returns the letter's id.
func identify(m *message.Message) string {
	if m.ID != "" {
		return m.ID
	}
	return "~" + digest(m.Exchange, m.RoutingKey, string(m.Body))
}

// digest is a short hash of texts.
func digest(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
