package asyncapi

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/warren-mq/warren/worker"
)

// Application is what a document describes. It is plain data.
type Application struct {
	// Title and Version name the application and the version of its messages. Both are required.
	Title, Version string
	// Description is a text in CommonMark, or empty.
	Description string
	// Servers are the URLs of the brokers. The document has their hosts and virtual hosts, and
	// neither users nor passwords.
	Servers []string
	// Queues are the queues that the application consumes: see worker.Worker.Describe.
	Queues []worker.QueueDescription
	// Sends are the messages that the application publishes.
	Sends []Send
}

// Send describes messages that are published to an exchange.
type Send struct {
	Exchange     string // empty means the default exchange
	ExchangeKind string // empty means topic
	Key          string // the routing key
	// Payload is the Go type of the messages, or nil.
	Payload reflect.Type
	// ContentType is the content type of the messages. Empty means application/json.
	ContentType string
	// Schema is the JSON Schema of the messages, instead of Payload.
	Schema json.RawMessage
	// Reply is the Go type of the reply, for messages that are published by broker.Call. Its content
	// type is ContentType. Nil means that there is no reply.
	Reply reflect.Type
}

// Calls returns a Send for requests of type Req to a topic exchange, for which broker.Call returns
// a Reply. Both are JSON.
func Calls[Req, Reply any](exchange, key string) Send {
	return Send{Exchange: exchange, Key: key, Payload: reflect.TypeFor[Req](), Reply: reflect.TypeFor[Reply]()}
}

// Sends returns a Send for values of type T that are published as JSON to a topic exchange.
func Sends[T any](exchange, key string) Send {
	return Send{Exchange: exchange, Key: key, Payload: reflect.TypeFor[T]()}
}

// Generate returns the document of an application as indented JSON, with a final newline. The
// same application gives the same bytes. It has
//
//   - a server for each URL, without its user and password,
//   - a channel for each queue, with the messages of its handlers, and an operation that receives them,
//   - a channel for each exchange and routing key to which messages for the queues are published,
//   - an operation for each handler that replies to calls, with its request and its reply,
//   - an operation for each element of Sends,
//   - a schema for each Go type and JSON Schema, and the headers that Warren writes.
//
// Fields of Go structs are required unless they have the option omitempty or omitzero. The tags of
// github.com/invopop/jsonschema add descriptions, enumerations and bounds.
//
// The error reports everything that is wrong: missing titles, URLs that cannot be parsed, Go types
// that have no JSON, and JSON Schemas that cannot be part of a document.
func Generate(app Application) ([]byte, error) {
	b := newBuilder()
	b.addf(app.Title == "", "Title is empty, want the name of the application")
	b.addf(app.Version == "", "Version is empty, want a version such as 1.0.0")
	b.doc.Info = info{app.Title, app.Version, app.Description}
	for _, url := range app.Servers {
		b.addServer(url)
	}
	for _, q := range app.Queues {
		b.addQueue(q)
	}
	for _, s := range app.Sends {
		b.addSend(s)
	}
	if err := errors.Join(b.faults...); err != nil {
		return nil, err
	}
	return b.doc.encode()
}
