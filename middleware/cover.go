package middleware

import (
	"context"

	"github.com/warren-mq/warren/message"
)

// coveredKey is what an outer middleware does for the message of a context. An inner
// middleware of the same kind does nothing.
type coveredKey int

const (
	traced coveredKey = iota
	measured
)

// cover is a context whose message is traced or measured. It identifies the
// delivery by its properties, since a middleware may pass on a changed copy of the message.
type cover struct {
	context.Context
	by                 coveredKey
	id, queue, routing string
	attempt            int
}

func withCover(ctx context.Context, by coveredKey, m *message.Message) context.Context {
	return &cover{Context: ctx, by: by, id: m.ID, queue: m.Queue, routing: m.RoutingKey, attempt: m.Attempt}
}

// Value returns c for its key, so that covered finds it.
func (c *cover) Value(key any) any {
	if by, ok := key.(coveredKey); ok && by == c.by {
		return c
	}
	return c.Context.Value(key)
}

// covered reports whether an outer middleware traces or measures m.
func covered(ctx context.Context, by coveredKey, m *message.Message) bool {
	c, ok := ctx.Value(by).(*cover)
	return ok && c.id == m.ID && c.queue == m.Queue && c.routing == m.RoutingKey && c.attempt == m.Attempt
}
