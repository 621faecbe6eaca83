// Package wiring converts a configuration to the library's types: broker, handlers, schedules
// and topology. Queues convert themselves, by config.Queue.Worker. It does not connect.
package wiring
