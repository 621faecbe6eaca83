package wiring

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/warren-mq/warren/codec/jsonschema"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Schemas reads the JSON Schemas of a queue's handlers. It returns nil if there are none.
func Schemas(q config.Queue) (*jsonschema.Schemas, error) {
	texts, found := make(map[string]string), false
	for _, h := range q.Handlers {
		text, err := schemaText(h)
		if err != nil {
			return nil, err
		}
		texts[h.Key], found = text, found || h.Schema != ""
	}
	if !found {
		return nil, nil //nolint:nilnil // none, and nothing wrong
	}
	s, err := jsonschema.Compile(texts)
	if err != nil {
		return nil, fmt.Errorf("runner: queue %s: %w", q.Name, err)
	}
	return s, nil
}

// schemaText returns the schema of a handler, which is true for a handler without one.
func schemaText(h config.Handler) (string, error) {
	if h.Schema == "" {
		return "true", nil
	}
	text, err := os.ReadFile(h.Schema)
	if err != nil {
		return "", fmt.Errorf("runner: schema of the handler of %q: %w", h.Key, err)
	}
	return string(text), nil
}

// CheckBody returns an error if a body breaks the schema of the handler that would get it: in the
// named queue, or in each queue that receives the message if queue is empty.
func CheckBody(c *config.Config, queue string, m *message.Message) error {
	var errs []error
	for _, q := range c.Queues {
		if queue == q.Name || queue == "" && receives(q, m) {
			s, err := Schemas(q)
			if err == nil && s != nil {
				err = s.Check(m.RoutingKey, m.Body)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// receives reports whether a message is published to the exchange of q, or to q by its name.
func receives(q config.Queue, m *message.Message) bool {
	if m.Exchange == "" {
		return q.Name == m.RoutingKey
	}
	return q.Exchange == m.Exchange
}

// checked is a handler whose bodies are checked before it runs.
type checked struct {
	job.Handler

	codec *jsonschema.Codec
}

// withSchema returns inner with the check of h.Schema.
func withSchema(h config.Handler, inner job.Handler) (job.Handler, error) {
	s, err := Schemas(config.Queue{Name: h.Key, Handlers: []config.Handler{h}})
	if err != nil || s == nil {
		return inner, err
	}
	return checked{inner, s.Codec(handler.Raw())}, nil
}

// Handle returns a permanent error if the body breaks the schema.
func (c checked) Handle(ctx context.Context, m *message.Message) error {
	if _, _, err := c.codec.OpenMessage(ctx, m); err != nil {
		return err
	}
	return c.Handler.Handle(ctx, m)
}
