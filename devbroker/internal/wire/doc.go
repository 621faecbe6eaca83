// Package wire encodes and decodes AMQP 0-9-1 as RabbitMQ speaks it: frames,
// methods, content headers and field tables.
//
// A [Reader] reads frames from a connection. [ParseMethod], [ParseHeader] and
// [ParseProperties] decode a frame's payload, and the Append functions append whole
// frames to a buffer. Input may be hostile: reading and parsing never panic, and never
// allocate for a length beyond the frame or the limit of a frame.
//
// A value may be used by one goroutine at a time. Functions are safe for concurrent use.
package wire
