package message

import "context"

type contextKey struct{}

// Context is a context that carries a message for FromContext. The worker creates one for
// every message, so that context and message need one allocation.
type Context struct {
	context.Context
	Message Message
}

// Value returns the message for the key of FromContext, and the parent's value for any
// other key.
func (c *Context) Value(key any) any {
	if key == (contextKey{}) {
		return &c.Message
	}
	return c.Context.Value(key)
}

// NewContext returns a context that carries m, to test handlers that use FromContext.
func NewContext(ctx context.Context, m *Message) context.Context {
	return context.WithValue(ctx, contextKey{}, m)
}

// FromContext returns the message being handled. Outside a worker it returns an empty
// message, never nil, so that a test can call a handler directly.
func FromContext(ctx context.Context) *Message {
	if m, ok := ctx.Value(contextKey{}).(*Message); ok {
		return m
	}
	return &Message{}
}
