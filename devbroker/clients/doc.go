// Package clients shows that clients of other makers talk to devbroker: the integration
// tests of amqp091-go, and programs that use pika, kombu, Celery and amqplib. It is
// nothing but tests, which make test-clients runs; install brings what they need.
package clients
