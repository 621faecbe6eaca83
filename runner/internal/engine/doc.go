// Package engine runs a configuration: its queues, each with a worker of its own over the
// shared connections, and its schedules. A new configuration restarts only the queues and
// schedules that have changed.
package engine
