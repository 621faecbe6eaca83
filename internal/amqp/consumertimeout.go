package amqp

import "time"

// ConsumerTimeout is the argument of a queue or consumer that says for how many milliseconds a
// message may be unacknowledged.
const ConsumerTimeout = "x-consumer-timeout"

const (
	// DefaultConsumerTimeout is the consumer timeout of a broker that is not configured.
	DefaultConsumerTimeout = 30 * time.Minute
	// MaxAskedTimeout is the longest that a worker expects a message to be in hand. It keeps the
	// consumer timeout that it asks for within what a broker takes.
	MaxAskedTimeout = 24 * time.Hour
	// TimeoutMargin is the time for the rest of a delivery: its way, its copy and its ack.
	TimeoutMargin = 5 * time.Minute
)
