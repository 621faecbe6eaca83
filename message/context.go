package message

import "context"

type contextKey struct{}

// Context is a context that carries a message for FromContext to find. The worker
// makes one for every message: both in one allocation.
type Context struct {
	context.Context
	Message Message
}

// Value finds the message, and asks the parent for everything else.
func (c *Context) Value(key any) any {
	if key == (contextKey{}) {
		return &c.Message
	}
	return c.Context.Value(key)
}

// NewContext returns ctx carrying m, for tests of handlers that ask for it.
func NewContext(ctx context.Context, m *Message) context.Context {
	return context.WithValue(ctx, contextKey{}, m)
}

// FromContext returns the message being handled. Outside a worker it returns an
// empty message and never nil, so that a handler can be called by a plain test.
func FromContext(ctx context.Context) *Message {
	if m, ok := ctx.Value(contextKey{}).(*Message); ok {
		return m
	}
	return &Message{}
}
