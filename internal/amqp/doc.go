// Package amqp keeps connections open, publishes with confirms, consumes, settles each
// delivery on its own channel, and declares topology. It is the only package that imports
// amqp091-go. Programs use it through package broker.
package amqp
