package asyncapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"

	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// builder collects the parts of a document, and everything that is wrong with them.
type builder struct {
	doc    document
	names  map[[2]string]any // by section and key: what the key stands for
	types  map[reflect.Type]string
	faults []error
}

func newBuilder() *builder {
	return &builder{
		doc: document{
			AsyncAPI: version, DefaultContentType: "application/json", Servers: make(map[string]server),
			Channels: make(map[string]channel), Operations: make(map[string]operation),
			Components: components{
				Schemas: make(map[string]any), Messages: make(map[string]message),
				MessageTraits: map[string]map[string]any{headersTrait: {"headers": headers()}},
			},
		},
		names: make(map[[2]string]any), types: make(map[reflect.Type]string),
	}
}

func (b *builder) addf(wrong bool, format string, args ...any) {
	if wrong {
		b.faults = append(b.faults, fmt.Errorf("asyncapi: "+format, args...))
	}
}

// name returns the key for what, a comparable value, in a section of the document: text, or text
// with a number if another value has that key.
func (b *builder) name(section, text string, what any) string {
	key := identifier(text)
	for n := 2; ; n++ {
		if old, ok := b.names[[2]string{section, key}]; !ok || old == what {
			b.names[[2]string{section, key}] = what
			return key
		}
		key = fmt.Sprintf("%s-%d", identifier(text), n)
	}
}

// addServer adds the broker of a URL. The error of url.Parse would contain the password.
func (b *builder) addServer(text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "amqp" && u.Scheme != "amqps" {
		b.addf(true, "a URL in Servers cannot be used, want amqp://host or amqps://host:port/vhost")
		return
	}
	s := server{Host: u.Host, Protocol: u.Scheme, ProtocolVersion: "0-9-1"}
	if path := u.EscapedPath(); path != "/" {
		s.Pathname = path
	}
	b.doc.Servers[b.name("servers", u.Hostname(), s)] = s
}

// payload is what is known of the bodies of messages.
type payload struct {
	of          reflect.Type
	schema      string
	contentType string
}

type messageKey struct {
	pattern string
	payload payload
}

// message adds a message, and returns its key. Equal messages are one.
func (b *builder) message(pattern string, p payload) string {
	key := b.name("messages", pattern, messageKey{pattern, p})
	if _, known := b.doc.Components.Messages[key]; !known {
		b.doc.Components.Messages[key] = message{
			Name: pattern, Title: pattern, ContentType: p.contentType, Payload: b.schemaOf(pattern, p),
			Traits: []ref{{"#/components/messageTraits/" + headersTrait}},
		}
	}
	return key
}

func (b *builder) addQueue(q worker.QueueDescription) {
	all := make([]string, 0, len(q.Handlers))
	for _, h := range q.Handlers {
		p := payload{h.Payload, string(h.Schema), ""}
		if len(h.ContentTypes) > 0 {
			p.contentType = h.ContentTypes[0]
		}
		key := b.message(h.Pattern, p)
		all = append(all, key)
		if q.Exchange != "" {
			b.exchange(place{q.Exchange, q.ExchangeKind, h.Pattern}, key)
		}
	}
	for _, bound := range q.Bindings {
		b.exchange(place{bound.Exchange, "unknown", bound.Key}, all...) // it belongs to others
	}
	id := b.queue(q.WorkQueue, all)
	o := operation{
		Action: "receive", Channel: ref{"#/channels/" + id}, Summary: fmt.Sprintf("Handle the messages of queue %q.", q.Name),
		Bindings: amqp(map[string]any{"ack": true}),
	}
	for _, key := range all {
		o.Messages = append(o.Messages, ref{o.Channel.Ref + "/messages/" + key})
	}
	b.doc.Operations[b.name("operations", "receive."+q.Name, q.Name)] = o
	for i, h := range q.Handlers {
		if h.Reply != nil {
			b.addReply(q.Name, h, o, all[i])
		}
	}
}

// queue adds the channel of a queue.
func (b *builder) queue(q topology.WorkQueue, messages []string) string {
	own := q.Instance != "" // a queue of each process, whose name is random
	binding := map[string]any{"durable": !own, "exclusive": own, "autoDelete": own}
	c := channel{Title: "Queue " + q.Name, DeadLetterQueue: q.DeadLetterQueue()}
	if !own {
		binding["name"], c.Address = q.Name, &q.Name
	}
	c.Bindings = amqp(map[string]any{"is": "queue", "queue": binding})
	return b.channel("queue."+q.Name, c, messages)
}

// place is where messages are published.
type place struct{ exchange, kind, key string }

// exchange adds the channel of an exchange and a routing key or pattern.
func (b *builder) exchange(p place, messages ...string) string {
	binding := map[string]any{"name": p.exchange, "durable": true, "autoDelete": false}
	switch {
	case p.exchange == "":
		binding["type"] = "default"
	case slices.Contains([]string{"", "topic", "direct", "fanout", "headers"}, p.kind): // others have no value in AsyncAPI
		binding["type"] = cmp.Or(p.kind, "topic")
	}
	c := channel{Title: p.title(), Address: &p.key, Bindings: amqp(map[string]any{"is": "routingKey", "exchange": binding})}
	return b.channel("exchange."+p.exchange+"."+p.key, c, messages)
}

func (p place) title() string {
	if p.exchange == "" {
		return "Default exchange, queue " + p.key
	}
	return fmt.Sprintf("Exchange %s, routing key %s", p.exchange, cmp.Or(p.key, "(empty)"))
}

// channel adds messages to a channel, which is added if it is new. The first one decides about
// its bindings.
func (b *builder) channel(id string, c channel, messages []string) string {
	id = b.name("channels", id, c.Title)
	if old, known := b.doc.Channels[id]; known {
		c = old
	} else {
		c.Messages = make(map[string]ref)
	}
	for _, key := range messages {
		c.Messages[key] = ref{"#/components/messages/" + key}
	}
	b.doc.Channels[id] = c
	return id
}

func (b *builder) addSend(s Send) {
	pattern, kind := cmp.Or(s.Key, s.Exchange), cmp.Or(s.ContentType, "application/json")
	key := b.message(pattern, payload{s.Payload, string(s.Schema), kind})
	p := place{s.Exchange, s.ExchangeKind, s.Key}
	at := "#/channels/" + b.exchange(p, key)
	id, o := b.sending(p, s.Reply != nil, at)
	o.Messages = appendNew(o.Messages, ref{at + "/messages/" + key})
	if s.Reply != nil {
		r := b.replyOf(pattern, payload{s.Reply, "", kind})
		if o.Reply != nil {
			r.Messages = appendNew(o.Reply.Messages, r.Messages[0])
		}
		o.Reply = r
	}
	b.doc.Operations[id] = o
}

// sending returns the operation that publishes or calls at a place, and its key. It is new if the
// document does not have it yet.
func (b *builder) sending(p place, calls bool, channel string) (id string, o operation) {
	verb, summary, mode := "send.", "Publish to", 2
	if calls {
		verb, summary, mode = "call.", "Publish a request and wait for its reply, to", 1
	}
	id = b.name("operations", verb+p.exchange+"."+p.key, sendKey{p, calls})
	if o, known := b.doc.Operations[id]; known {
		return id, o
	}
	return id, operation{
		Action: "send", Channel: ref{channel}, Summary: fmt.Sprintf("%s exchange %q with routing key %q.", summary, p.exchange, p.key),
		Bindings: amqp(map[string]any{"deliveryMode": mode, "mandatory": true}),
	}
}

type sendKey struct {
	place

	calls bool
}

// appendNew appends one to list, unless list contains it.
func appendNew(list []ref, one ref) []ref {
	if slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

// schemaOf adds the schema of a payload. It returns nil if nothing is known of it.
func (b *builder) schemaOf(pattern string, p payload) *ref {
	var (
		at  string
		err error
	)
	switch {
	case p.schema != "":
		at, err = b.embed(pattern, json.RawMessage(p.schema))
	case p.of != nil && isJSON(p.contentType):
		at, err = b.reflect(p.of)
	default:
		return nil
	}
	b.addf(err != nil, "schema of %q: %w", pattern, err)
	return &ref{at}
}
