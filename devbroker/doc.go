// Package devbroker is an AMQP 0-9-1 broker in memory that behaves like RabbitMQ,
// for development and tests.
//
// [Start] listens on loopback, and any AMQP 0-9-1 client connects to the URL it
// gives. [Pipe] listens nowhere: its Dial is for amqp091-go's Config.Dial, so that a
// whole test can live in one testing/synctest bubble, where hours pass in no time. [New]
// is one line for a program under development, which reaches it over such a pipe.
//
// It is not RabbitMQ: it keeps nothing on disk, has no cluster and no management
// plugin, and its queues are gone with the process. What clients see is held to RabbitMQ
// 3.10, 4.0 and 4.3 by the suite in devbroker/conformance; [Config].Version chooses
// among them. Things go wrong on demand: see [Fault], [Broker.Block] and [Broker.Drop].
package devbroker
