package broker

import (
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/emit"
)

// Errors that a publish, a worker and their connections return. Test for them with
// errors.Is.
var (
	// ErrNotConnected says that there was no session, or that it was lost before the broker
	// confirmed. A message published then may or may not have arrived.
	ErrNotConnected = amqp.ErrNotConnected
	// ErrUnroutable says that no queue is bound for the message, or that its exchange does
	// not exist.
	ErrUnroutable = amqp.ErrUnroutable
	// ErrNacked says that the broker refused the message, as a full queue does.
	ErrNacked = amqp.ErrNacked
	// ErrBlocked says that the broker has blocked publishing on the connection because its
	// memory or disk is low. It comes with the context's error.
	ErrBlocked = amqp.ErrBlocked
	// ErrRefused says that the broker did not accept the credentials or the virtual host, or
	// does not permit the user to publish the message: to its exchange, with its routing
	// key, or in another user's name.
	ErrRefused = amqp.ErrRefused
	// ErrTooLarge says that the headers of a message do not fit into one AMQP frame, or
	// that its body is larger than the broker's max_message_size.
	ErrTooLarge = amqp.ErrTooLarge
	// ErrMalformed says that a message cannot be written: a property or the name of a
	// header is longer than 255 bytes, the value of a header has no AMQP type, or the
	// broker does not accept a property, such as an expiration that is not a number.
	ErrMalformed = amqp.ErrMalformed
	// ErrClosed says that the publisher was closed by its owner.
	ErrClosed = amqp.ErrClosed
	// ErrStale says that a delivery's channel is gone. The broker delivers the message
	// again. The context of the message's handler then ends with ErrStale as its cause.
	ErrStale = amqp.ErrStale
	// ErrNoHandler says that Emit was called with a context that does not belong to a running
	// handler of a worker.
	ErrNoHandler = emit.ErrNoHandler
)
