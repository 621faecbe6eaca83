// Package wiring makes what the library wants of what a configuration says: broker,
// queues, handlers, schedules and topology. It connects to nothing.
package wiring
