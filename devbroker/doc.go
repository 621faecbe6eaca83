// Package devbroker is an AMQP 0-9-1 broker in memory that behaves like RabbitMQ,
// for development and tests.
//
// [Start] listens on loopback, and any AMQP 0-9-1 client can connect to the broker's
// URL. [Pipe] starts a broker without a listener. Set amqp091-go's Config.Dial to its
// Dial: a whole test then runs in one testing/synctest bubble, with virtual time. [New]
// starts a broker for a program under development, which connects over such a pipe.
//
// The broker keeps all data in memory, so its queues end with the process. It has neither
// a cluster nor a management plugin. The suite in devbroker/conformance compares what
// clients see with RabbitMQ 3.10, 4.0 and 4.3; [Config].Version chooses the version.
// [Fault], [Broker.Block] and [Broker.Drop] cause failures on demand.
package devbroker
