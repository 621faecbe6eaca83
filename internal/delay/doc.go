// Package delay keeps a parking queue: it holds the messages that the queue delivers until
// they are due, and publishes each to its target then. It knows nothing of AMQP but the
// errors of a publish.
package delay
