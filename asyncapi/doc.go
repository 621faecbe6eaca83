// Package asyncapi describes a program to other teams: which queues it consumes, which messages
// it handles and publishes, and what is in them. The result is a document of AsyncAPI 3.0, made
// from the queues of a worker and the Go types of its handlers.
//
// The schemas of Go types are made by github.com/invopop/jsonschema, which only programs link
// that import this package.
package asyncapi
