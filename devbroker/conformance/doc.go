// Package conformance holds devbroker to what RabbitMQ does. Its tests are tables of
// what a client does and what it then sees, found by experiment on RabbitMQ 3.10, 4.0
// and 4.3; they run against the broker at AMQP_URL, whichever it is, and expect of it
// what its version shows. Read them to learn what RabbitMQ does.
package conformance
