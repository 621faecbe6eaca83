// Package topology describes what is declared on RabbitMQ: exchanges, queues, bindings, and
// work queues with everything that belongs to them. It is plain data. Package broker
// declares a Topology, and plans the changes that declaring it would make; Definitions
// exports it.
package topology
