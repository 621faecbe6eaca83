// Package wire encodes and decodes AMQP 0-9-1 as RabbitMQ speaks it: frames,
// methods, content headers and field tables.
//
// A [Reader] takes frames from a connection. [ParseMethod], [ParseHeader] and
// [ParseProperties] take a frame's payload apart, and the Append functions write
// whole frames to the end of a buffer. What comes in may be hostile: nothing here
// panics over it, or allocates for a length beyond its frame or a frame's limit.
//
// Values may be used by one goroutine at a time; functions by any number.
package wire
