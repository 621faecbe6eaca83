package worker

import (
	"encoding/json"
	"reflect"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/topology"
)

// QueueDescription describes a work queue for documents about a program. It is plain data.
type QueueDescription struct {
	topology.WorkQueue

	Handlers []HandlerDescription // in the order of registration
}

// HandlerDescription describes the handler of a pattern.
type HandlerDescription struct {
	Pattern string
	// Payload is the Go type of the function that handler.Typed or handler.Batch was called with.
	// It is nil for other handlers, and for one that is wrapped in a middleware of its own.
	Payload reflect.Type
	// ContentTypes are the content types that the handler's codecs write, the preferred first.
	ContentTypes []string
	// Schema is the JSON Schema of the bodies, if it is known from another source than Payload.
	// Describe leaves it empty.
	Schema json.RawMessage
	// Reply describes the replies to calls. It is nil if the handler does not reply.
	Reply *ReplyDescription
}

// ReplyDescription describes what a handler replies to calls.
type ReplyDescription struct {
	// Payload is the Go type that the function of handler.Replies returns. It is nil for other
	// handlers that reply, and for one that is wrapped in a middleware of its own.
	Payload reflect.Type
	// ContentTypes are the content types of the replies, the preferred first. Empty means that
	// they are unknown.
	ContentTypes []string
}

// Describe returns the queues of the worker with their handlers, in the order of registration.
// Package asyncapi makes a document of them. Describe does not connect. It must not be called
// while queues or handlers are registered.
func (w *Worker) Describe() []QueueDescription {
	all := make([]QueueDescription, 0, len(w.queues))
	for _, q := range w.queues {
		d := QueueDescription{WorkQueue: q.config.WorkQueue(q.mux.Patterns())}
		for pattern, h := range q.mux.All() {
			d.Handlers = append(d.Handlers, DescribeHandler(pattern, h))
		}
		all = append(all, d)
	}
	return all
}

// DescribeHandler returns the description of a handler.
func DescribeHandler(pattern string, h handler.Handler) HandlerDescription {
	d := HandlerDescription{Pattern: pattern}
	var of any = h
	if c, ok := h.(*batch.Collector); ok {
		of = c.Handler
	}
	if typed, ok := of.(interface {
		PayloadType() reflect.Type
		ContentTypes() []string
	}); ok {
		d.Payload, d.ContentTypes = typed.PayloadType(), typed.ContentTypes()
	}
	if _, replies := of.(handler.Replying); replies {
		d.Reply = new(ReplyDescription)
		if typed, ok := of.(interface{ ReplyType() reflect.Type }); ok {
			d.Reply.Payload, d.Reply.ContentTypes = typed.ReplyType(), d.ContentTypes
		}
	}
	return d
}
