// Package leader elects one leader among many processes. The leader is the consumer to
// which RabbitMQ has delivered the one message of a queue, the token. Package schedule is
// built on it.
package leader
