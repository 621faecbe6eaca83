// Package fleet lets worker processes announce themselves and be controlled, with RabbitMQ
// alone. Each process publishes its state to the topic exchange Exchange every few seconds,
// as a transient message. A Listener binds an exclusive queue to that exchange. Commands are
// sent to the address in the announcement's reply-to: RabbitMQ's direct reply-to of the
// channel that announces, for which no queue is declared.
//
// RabbitMQ verifies the property user-id of a message. A process executes the commands of
// the users that its configuration lists, and refuses all others. So a user that may only
// publish work cannot control workers, although it may know their addresses.
package fleet
