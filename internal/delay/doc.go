// Package delay keeps the messages of a parking queue. It holds the messages that the queue
// delivers until they are due, and then publishes each to its target. Of AMQP it uses only
// the errors of a publish.
package delay
