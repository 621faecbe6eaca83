// Package engine keeps a configuration at work: its queues, each with a worker of its
// own over the process's connections, and its schedules. A new configuration restarts
// what has changed and nothing else.
package engine
