// Package record writes and strips the failure record: the headers by which a copy of a
// message says how its attempts failed. Workers add it to the copies that they publish for
// a retry or a dead-letter queue; package deadletter reads it.
package record
