package message

import "context"

type contextKey struct{}

// NewContext returns ctx carrying m, for FromContext to find. The worker calls it
// for every message; tests of handlers may.
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
