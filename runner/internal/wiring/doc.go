// Package wiring converts a configuration to the library's types: broker, queues, handlers,
// schedules and topology. It does not connect.
package wiring
