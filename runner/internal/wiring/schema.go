package wiring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/warren-mq/warren/codec/cloudevents"
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
			errs = append(errs, checkBody(c, q, m))
		}
	}
	return errors.Join(errs...)
}

// checkBody checks a body by the schemas of q. Of a CloudEvent it checks the data.
func checkBody(c *config.Config, q config.Queue, m *message.Message) error {
	s, err := Schemas(q)
	if err != nil || s == nil {
		return err
	}
	if slices.ContainsFunc(q.Codecs(), func(name string) bool { of := c.FindCodec(name); return of != nil && of.CloudEvents != nil }) {
		if event, err := open(context.Background(), cloudevents.New(cloudevents.Config{Source: "/", Data: handler.Raw()}), m); err == nil {
			m = event
		}
	}
	return s.Check(m.RoutingKey, m.Body)
}

// receives reports whether a message is published to an exchange to which q is bound, or to q by
// its name. It does not compare binding keys. The check by the schemas compares the routing key with the
// keys of the handlers.
func receives(q config.Queue, m *message.Message) bool {
	if m.Exchange == "" {
		return q.Name == m.RoutingKey
	}
	return q.Exchange == m.Exchange || slices.ContainsFunc(q.Bindings, func(b config.Binding) bool { return b.Exchange == m.Exchange })
}

// bodyOpener opens and checks the bodies for a handler.
type bodyOpener struct {
	codec  handler.Codec     // or nil
	schema *jsonschema.Codec // or nil
}

// openerOf returns the bodyOpener of h's codec and schema.
func (m Means) openerOf(h config.Handler) (o bodyOpener, err error) {
	s, err := Schemas(config.Queue{Name: h.Key, Handlers: []config.Handler{h}})
	if err != nil {
		return o, err
	}
	if s != nil {
		o.schema = s.Codec(handler.Raw())
	}
	if h.Codec != "" {
		o.codec, err = m.Codecs.Of(h.Codec)
	}
	return o, err
}

// open returns m with its body opened, or an error if the body cannot be opened or breaks the schema.
// The error is permanent unless it wraps codec.ErrUnavailable.
func (o bodyOpener) open(ctx context.Context, m *message.Message) (opened *message.Message, err error) {
	opened = m
	if o.codec != nil {
		opened, err = open(ctx, o.codec, m)
	}
	if err == nil && o.schema != nil {
		_, _, err = o.schema.OpenMessage(ctx, opened)
	}
	return opened, err
}

// prepared is a handler whose bodies are opened and checked before it runs.
type prepared struct {
	job.Handler
	bodyOpener

	asPublished bool // the handler gets the message as it was published
}

// prepare returns inner with the codec and the schema of h. What is forwarded keeps its encodings,
// and sealed bodies are not logged.
func (m Means) prepare(h config.Handler, inner job.Handler) (job.Handler, error) {
	opens, err := m.openerOf(h)
	if err != nil {
		return nil, err
	}
	if opens.codec == nil && opens.schema == nil {
		return inner, nil
	}
	asPublished := h.Codec != "" && (h.Forward != nil || h.Log != nil && m.Codecs.config.FindCodec(h.Codec).Seal != nil)
	return alike(prepared{inner, opens, asPublished}, inner), nil
}

// Handle returns the error of open, or of the handler.
func (p prepared) Handle(ctx context.Context, m *message.Message) error {
	opened, err := p.open(ctx, m)
	switch {
	case err != nil:
		return err
	case p.asPublished:
		opened = m
	}
	return p.Handler.Handle(ctx, opened)
}

// openedBatch is a handler of batches whose bodies are opened and checked, each on its own.
type openedBatch struct {
	job.BatchHandler
	bodyOpener
}

// Decode returns the error of open, or what the handler decodes.
func (b openedBatch) Decode(ctx context.Context, m *message.Message) (any, error) {
	opened, err := b.open(ctx, m)
	if err != nil {
		return nil, err
	}
	return b.BatchHandler.Decode(ctx, opened)
}
