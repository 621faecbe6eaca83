package wiring

import (
	"context"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// emits returns what publishes the messages that a handler emits, or nil if c is nil.
func (m Means) emits(c *config.Emits) (*job.Emits, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // it emits none, and nothing is wrong
	}
	encoded, err := m.Codecs.Of(c.Codec)
	if err != nil {
		return nil, err
	}
	pub := m.Publisher(c.Exchange)
	return &job.Emits{MaxMessages: c.MaxMessages, MaxBytes: int(c.MaxBytes), Emit: func(ctx context.Context, m *message.Message) error {
		opts := []broker.Option{broker.WithContentType(m.ContentType), broker.WithHeaders(m.Headers)}
		if m.ID != "" {
			opts = append(opts, broker.WithMessageID(m.ID))
		}
		if encoded != nil {
			opts = append(opts, broker.WithCodec(encoded))
		}
		return pub.Emit(ctx, m.RoutingKey, m.Body, opts...)
	}}, nil
}
