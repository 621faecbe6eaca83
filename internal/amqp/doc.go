// Package amqp is the engine: connections that are kept open, publishing with confirms,
// consuming and settling on the channel of the delivery, and declaring topology. It is the
// only package that imports amqp091-go. Package broker is what programs see of it.
package amqp
