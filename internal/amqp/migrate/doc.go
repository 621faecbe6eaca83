// Package migrate replaces a work queue by a queue of the same name with another type or other
// arguments, while messages are published to it.
//
// RabbitMQ never changes a queue, so the queue is drained, deleted and declared anew. A
// migration of the queue q uses these parts, which no program needs afterwards:
//
//	q.migrate       the gate, an exchange that takes the place of q in all bindings
//	q.migrate.old   the messages that were in q, and a fanout exchange in front of them
//	q.migrate.new   the messages that were published meanwhile
//	q.migrate.last  the messages of the last moment, and a fanout exchange in front of them
//	q.migrate.out   a fanout exchange that routes to q
//
// The gate is a fanout exchange. While it is bound to q.migrate.new, it routes there. Without
// a binding it has no route, and its alternate exchanges lead to q. So the broker goes from
// one to the other in one step: a message goes to one of the two, and never to both or none.
//
// In q the messages of q.migrate.old come first, then those of q.migrate.new, then those of
// q.migrate.last. A message is removed from a queue when the broker has confirmed its copy. The
// last messages, which reach a queue at the moment when it is deleted, are in the memory of this
// process until then.
// What exists on the broker shows how far a migration has come, so another one continues it.
package migrate
