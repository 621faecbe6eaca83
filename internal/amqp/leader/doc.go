// Package leader elects one leader among many processes: the consumer that RabbitMQ has
// given the one message of a queue, the token. Package schedule is built on it.
package leader
