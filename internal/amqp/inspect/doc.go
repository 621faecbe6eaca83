// Package inspect takes messages from a queue for inspection, and requeues them in their
// order. Package deadletter is built on it.
package inspect
