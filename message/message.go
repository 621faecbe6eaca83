// Package message defines the message that publishers send and handlers receive, and its
// headers. The other packages of Warren share these types.
package message

import "time"

// Message is one message, as plain data. It has no broker types and no method to
// acknowledge it: the error that a handler returns determines the outcome.
//
// A handler must not modify a Message, since a retry publishes the same value again. It is
// safe for concurrent reads.
type Message struct {
	// ID is the AMQP message-id. Warren's publisher sets a UUIDv7 if the caller sets
	// none. Messages of other publishers may have an empty ID.
	ID string
	// Body is the payload, unchanged.
	Body []byte
	// Headers holds the AMQP headers, including Warren's own, whose names begin with
	// "warren-". It may be nil.
	Headers Headers

	ContentType     string    // MIME type of Body, such as application/json
	ContentEncoding string    // MIME encoding of Body, such as gzip; only package codec decodes it
	Type            string    // the publisher's name for the kind of message
	CorrelationID   string    // relates messages to each other, such as a reply to its request
	ReplyTo         string    // the queue for replies
	Expiration      string    // per-message TTL in milliseconds, as decimal text
	UserID          string    // the publishing user, checked by RabbitMQ
	AppID           string    // the publishing application
	Timestamp       time.Time // when it was published; zero if unknown; AMQP keeps seconds
	Priority        uint8     // 0 is the lowest
	Transient       bool      // published without persistence (delivery mode 1)

	Exchange   string // the exchange it was first published to; empty for the default one
	RoutingKey string // the routing key it was first published with
	Queue      string // the work queue it came from; empty before it was delivered

	// Attempt is the number of handler calls for this message, including this one: 1 for
	// the first. A release or a snooze does not count.
	Attempt int
	// Redelivered reports that the broker has delivered this message before, so an
	// earlier worker may have handled it partly or completely.
	Redelivered bool
	// DeliveryCount is how often a quorum queue has delivered this message before without an
	// acknowledgement (x-delivery-count): after crashes and lost connections, and with native
	// delays after failed attempts. Before RabbitMQ 4.3 each message that is requeued counts,
	// such as at a stop or a pause; with SingleActive and Partitions a stop counts on every
	// version. It is 0 for other queues.
	DeliveryCount int
}
