// Package inspect takes messages from a queue to look at them, and returns them in their
// order. Package deadletter is built on it.
package inspect
