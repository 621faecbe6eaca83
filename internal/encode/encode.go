// Package encode stores values as bodies of messages that are to be published.
package encode

import (
	"context"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

type marshaler interface {
	MarshalMessage(ctx context.Context, m *message.Message, v any) error
}

// ByMessage reports whether Body uses the method MarshalMessage of c, which may take long.
func ByMessage(c handler.Codec) bool {
	_, ok := c.(marshaler)
	return ok
}

// Body stores v in m by the method MarshalMessage of c, if it has one: see handler.Codec.
// Otherwise it stores a []byte unchanged, and what c.Marshal returns for other values.
func Body(ctx context.Context, m *message.Message, v any, c handler.Codec) error {
	if c, ok := c.(marshaler); ok {
		return c.MarshalMessage(ctx, m, v)
	}
	contentType := "application/octet-stream"
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = c.Marshal(v); err != nil {
			return err
		}
		contentType = c.ContentType()
	}
	m.Body = raw
	if m.ContentType == "" {
		m.ContentType = contentType
	}
	return nil
}
