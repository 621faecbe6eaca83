package devbroker

import (
	"slices"
	"strconv"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// message is one published message. Queues share it, so it must not change.
type message struct {
	exchange    string
	key         string
	keys        []string // the routing key, and the keys in CC and BCC
	visibleKeys []string // the keys without BCC
	properties  []byte   // as the client encoded them, without BCC
	body        []byte
	priority    uint8
	ttl         time.Duration // from the expiration property; negative means none
	deaths      []death       // deaths in dead-lettering queues, the latest first
	failures    int           // failed deliveries in the queue from which it was dead-lettered
	parsed      wire.Properties
	copies      int // in queues and with consumers
}

const noTTL time.Duration = -1

// newMessage decodes the properties and headers that the broker uses.
func newMessage(p *wire.BasicPublish, properties, body []byte) (*message, error) {
	parsed, err := wire.ParseProperties(properties)
	if err != nil {
		return nil, refuse(syntaxError, "%v", err)
	}
	m := &message{
		exchange: p.Exchange, key: p.RoutingKey, keys: []string{p.RoutingKey}, visibleKeys: []string{p.RoutingKey},
		properties: properties, body: body, parsed: parsed, priority: parsed.Priority,
	}
	if m.ttl, err = expirationOf(parsed); err != nil {
		return nil, err
	}
	return m, m.readRecipients()
}

// expirationOf parses the expiration property: milliseconds, as text.
func expirationOf(p wire.Properties) (time.Duration, error) {
	if p.Present&wire.HasExpiration == 0 {
		return noTTL, nil
	}
	ms, err := strconv.ParseInt(p.Expiration, 10, 64)
	switch {
	case err != nil:
		return 0, refuse(preconditionFailed, "invalid expiration '%s': %s", p.Expiration, badInteger(p.Expiration))
	case ms < 0:
		return 0, refuse(preconditionFailed, "invalid expiration '%s': {value_negative,%d}", p.Expiration, ms)
	case ms > longest:
		return 0, refuse(preconditionFailed, "invalid expiration '%s': {value_too_large,%d}", p.Expiration, ms)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// badInteger returns Erlang's description of a text that is not an integer.
func badInteger(text string) string {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return "no_integer"
	}
	return `{leftover_string,"` + text[digits:] + `"}`
}

// readRecipients adds the routing keys in the headers CC and BCC, and removes BCC. This is
// RabbitMQ's sender-selected distribution.
func (m *message) readRecipients() error {
	if len(m.parsed.Headers) == 0 {
		return nil
	}
	for _, name := range []string{"CC", "BCC"} {
		value, ok := m.parsed.Headers.Get(name)
		if !ok {
			continue
		}
		list, ok := value.([]any)
		if !ok {
			return refuse(preconditionFailed, "invalid message: {unacceptable_type_in_header,\"%s\",%s}", name, wire.TypeName(value))
		}
		for _, key := range list {
			if text, ok := key.(string); ok {
				m.keys = append(m.keys, text)
			}
		}
		if name == "CC" {
			m.visibleKeys = slices.Clone(m.keys)
		}
	}
	if _, ok := m.parsed.Headers.Get("BCC"); ok {
		m.setHeaders(m.parsed.Headers.Clone().Delete("BCC"))
	}
	return nil
}

func (m *message) headers() wire.Table { return m.parsed.Headers }

// setHeaders replaces the headers. The message must not be in a queue yet.
func (m *message) setHeaders(h wire.Table) {
	m.parsed.Headers = h
	m.parsed.Present |= wire.HasHeaders
	m.properties = m.parsed.Append(nil)
}

// size returns the bytes that the message counts against the memory limit.
func (m *message) size() int64 { return int64(len(m.body)+len(m.properties)) + messageOverhead }

// withHeaders returns the properties with some headers set.
func (m *message) withHeaders(extra wire.Table) []byte {
	p := m.parsed
	p.Headers = p.Headers.Clone()
	for _, h := range extra {
		p.Headers = p.Headers.Set(h.Name, h.Value)
	}
	p.Present |= wire.HasHeaders
	return p.Append(nil)
}
