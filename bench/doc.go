// Package bench measures Warren end to end against a real RabbitMQ, beside plain
// amqp091-go in the same run and on the same broker: what counts are ratios.
package bench
