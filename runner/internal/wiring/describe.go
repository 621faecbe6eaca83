package wiring

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/worker"
)

// description is a configuration that is being described, for one broker.
type description struct {
	config *config.Config
	inGo   Go
	kinds  map[string]string // of exchanges
	app    asyncapi.Application
}

// Describe returns what a runner consumes from a broker and publishes to it. c is the part of
// whole for that broker, which has the name. The payloads are the schemas of the handlers and
// codecs, the types of the handlers in Go, or what the bodies of schedules are.
func Describe(c, whole *config.Config, name string, inGo Go) (asyncapi.Application, error) {
	d := description{config: c, inGo: inGo, kinds: make(map[string]string)}
	for _, e := range c.Exchanges {
		d.kinds[e.Name] = e.Type
	}
	if err := d.addServers(); err != nil {
		return d.app, err
	}
	for _, q := range c.Queues {
		if err := d.addQueue(q); err != nil {
			return d.app, err
		}
	}
	for _, q := range whole.Queues {
		if err := d.addForwards(q, name); err != nil {
			return d.app, err
		}
	}
	for _, s := range c.Schedules {
		if err := d.addSchedule(s); err != nil {
			return d.app, err
		}
	}
	return d.app, nil
}

func (d *description) addServers() error {
	for _, url := range append(slices.Clone(d.config.Broker.URLs), d.config.Broker.URL) {
		text, err := url.Reveal()
		if err != nil {
			return err
		}
		if text != "" && text != config.Embedded {
			d.app.Servers = append(d.app.Servers, text)
		}
	}
	return nil
}

// addQueue adds a queue, and what its handlers emit.
func (d *description) addQueue(q config.Queue) error {
	described := worker.QueueDescription{WorkQueue: q.Worker(d.config.Exchanges).WorkQueue(nil)}
	for _, h := range q.Handlers {
		one, err := d.handler(q, h)
		if err == nil {
			err = d.addEmits(h.Emits)
		}
		if err != nil {
			return err
		}
		described.Handlers = append(described.Handlers, one)
	}
	d.app.Queues = append(d.app.Queues, described)
	return nil
}

func (d *description) handler(q config.Queue, h config.Handler) (worker.HandlerDescription, error) {
	one := worker.HandlerDescription{Pattern: h.Key}
	if h.Go != "" {
		one = worker.DescribeHandler(h.Key, d.inGo.describable(h))
	}
	one.Reply = cmp.Or(one.Reply, replyOf(h))
	var err error
	switch s := d.schemaOf(q.CodecOf(h), h.Key); {
	case h.Schema != "":
		var text string
		text, err = schemaText(h)
		one.Schema = json.RawMessage(text)
	case s.File != "":
		one.Schema, err = readSchema(s)
	default:
		return one, nil
	}
	if len(one.ContentTypes) == 0 {
		one.ContentTypes = []string{"application/json"}
	}
	return one, err
}

// replyOf returns what a command or a server replies, or nil. The content type of a server's reply
// is not known before.
func replyOf(h config.Handler) *worker.ReplyDescription {
	switch {
	case h.Replies == nil:
		return nil
	case h.Webhook != nil:
		return new(worker.ReplyDescription)
	}
	return &worker.ReplyDescription{ContentTypes: []string{cmp.Or(h.Replies.ContentType, "application/json")}}
}

// schemaOf returns the schema that a codec has for a key, or a zero KeySchema.
func (d *description) schemaOf(codec, key string) config.KeySchema {
	if of := d.config.FindCodec(codec); of != nil {
		if i := slices.IndexFunc(of.Schemas, func(s config.KeySchema) bool { return s.Key == key }); i >= 0 {
			return of.Schemas[i]
		}
	}
	return config.KeySchema{}
}

func readSchema(s config.KeySchema) (json.RawMessage, error) {
	text, err := os.ReadFile(s.File)
	if err != nil {
		return nil, fmt.Errorf("runner: schema of %q: %w", s.Key, err)
	}
	return text, nil
}

func (d *description) send(exchange, key string, schema json.RawMessage) {
	d.app.Sends = append(d.app.Sends, asyncapi.Send{Exchange: exchange, ExchangeKind: d.kinds[exchange], Key: key, Schema: schema})
}

// addEmits adds the keys for which the codec has schemas. Without any, the handler decides about
// the keys, and the key is #.
func (d *description) addEmits(e *config.Emits) error {
	if e == nil {
		return nil
	}
	of := d.config.FindCodec(e.Codec)
	if of == nil || len(of.Schemas) == 0 {
		d.send(e.Exchange, "#", nil)
		return nil
	}
	for _, s := range of.Schemas {
		text, err := readSchema(s)
		if err != nil {
			return err
		}
		d.send(e.Exchange, s.Key, text)
	}
	return nil
}

// addForwards adds what the handlers of a queue forward to the broker with the name.
func (d *description) addForwards(q config.Queue, name string) error {
	for _, h := range q.Handlers {
		if h.Forward == nil || h.Forward.On(q.Broker) != name {
			continue
		}
		one, err := d.handler(q, h)
		if err != nil {
			return err
		}
		d.send(h.Forward.Exchange, cmp.Or(h.Forward.Key, h.Key), one.Schema)
	}
	return nil
}

// addSchedule adds the messages of a schedule, with the schema of its codec or of its body.
func (d *description) addSchedule(s config.Schedule) error {
	one := asyncapi.Send{Exchange: s.Exchange, ExchangeKind: d.kinds[s.Exchange], Key: s.Key, ContentType: s.ContentType}
	var err error
	if known := d.schemaOf(s.Codec, s.Key); known.File != "" {
		one.Schema, err = readSchema(known)
	} else if s.ContentType == "" || s.ContentType == "application/json" {
		one.Schema, err = json.Marshal(exampleSchema(s.Body))
	}
	d.app.Sends = append(d.app.Sends, one)
	return err
}

// exampleSchema returns the schema of values like body, with body as its example. A schedule
// without a body publishes {}.
func exampleSchema(body any) map[string]any {
	if body == nil {
		body = map[string]any{}
	}
	schema := like(body)
	schema["examples"] = []any{body}
	return schema
}

// like returns the schema of values that have the JSON type of v. Objects have at least the
// properties of v.
func like(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		properties := make(map[string]any, len(v))
		for name, value := range v {
			properties[name] = like(value)
		}
		return map[string]any{"type": "object", "properties": properties, "required": append([]string{}, slices.Sorted(maps.Keys(v))...)}
	case []any:
		return map[string]any{"type": "array"}
	case string:
		return map[string]any{"type": "string"}
	case bool:
		return map[string]any{"type": "boolean"}
	case nil:
		return map[string]any{"type": "null"}
	case float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "integer"}
}
