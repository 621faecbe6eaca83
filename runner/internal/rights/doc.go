// Package rights computes the permissions that users need on RabbitMQ for a configuration: a
// worker, publishers and an operator.
package rights
