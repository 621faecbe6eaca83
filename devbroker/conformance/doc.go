// Package conformance checks that devbroker behaves like RabbitMQ. Its tests are tables of
// client actions and of what the client then sees, found by experiment on RabbitMQ 3.10,
// 4.0 and 4.3. They run against any broker at AMQP_URL and expect the results of its
// version. The tables also document the behaviour of RabbitMQ.
package conformance
