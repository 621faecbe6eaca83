// Package record writes and removes the failure record: the headers in which a copy of a
// message records how its attempts failed. Workers add it to the copies that they publish
// for a retry or a dead-letter queue; package deadletter reads it.
package record
