// Package limit shares a limit among processes over RabbitMQ. A limit has as many slots as
// handlers may run at a time, and each slot is a queue with a single active consumer. The
// process that is the active consumer of the queue holds the slot. Package limit of the
// module has the middleware.
package limit
