// Package message holds the words every part of Warren speaks: a message as its
// publisher said it and its handler hears it, and the headers it travels with.
package message

import "time"

// Message is one message, as plain data. It carries no broker types and no way
// to acknowledge: what a handler returns decides what becomes of it.
//
// A handler may read a Message and must not change it: the same value is what a
// retry is made from. It is safe to read from several goroutines.
type Message struct {
	// ID is the AMQP message-id. Warren's publisher sets a UUIDv7 where the
	// caller gives none; messages from elsewhere may have an empty one.
	ID string
	// Body is the payload, byte for byte as it was published.
	Body []byte
	// Headers are the AMQP headers, including those that Warren writes (their
	// names begin with "warren-"). It may be nil.
	Headers Headers

	ContentType     string    // MIME type of Body, such as application/json
	ContentEncoding string    // MIME encoding of Body, such as gzip; not decoded by Warren
	Type            string    // the publisher's name for the kind of message
	CorrelationID   string    // ties a message to others, such as a reply to its request
	ReplyTo         string    // where a reply is wanted
	Expiration      string    // per-message TTL in milliseconds, as AMQP writes it
	UserID          string    // the publishing user, checked by RabbitMQ
	AppID           string    // the publishing application
	Timestamp       time.Time // when it was published; zero if unknown; AMQP keeps seconds
	Priority        uint8     // 0 is the lowest
	Transient       bool      // published without persistence (delivery mode 1)

	Exchange   string // the exchange it was first published to; empty for the default one
	RoutingKey string // the routing key it was first published with
	Queue      string // the work queue it came from; empty before it was delivered

	// Attempt counts the runs of the handler for this message, this one
	// included: 1 on the first. A release or a snooze spends none.
	Attempt int
	// Redelivered says the broker has delivered this message before, so that an
	// earlier worker may have handled it in part or in full.
	Redelivered bool
	// DeliveryCount is the broker's count of failed deliveries (quorum queues
	// only): crashes and lost connections, not failed attempts.
	DeliveryCount int
}
