package devbroker

import (
	"slices"
	"strconv"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// message is one publish. Queues share it; it does not change.
type message struct {
	exchange   string
	key        string
	keys       []string // key, and those of CC and BCC
	told       []string // those that others may know
	properties []byte   // as the client encoded them, but for BCC
	body       []byte
	priority   uint8
	ttl        time.Duration // by its expiration; negative for none
	deaths     []death       // of its life in dead-lettering queues, the last one first
	failures   int           // deliveries that failed in the queue that it was dead-lettered from
	parsed     wire.Properties
	copies     int // in queues and with consumers
}

const noTTL time.Duration = -1

// newMessage reads what the broker has to know of a message.
func newMessage(p *wire.BasicPublish, properties, body []byte) (*message, error) {
	parsed, err := wire.ParseProperties(properties)
	if err != nil {
		return nil, refuse(syntaxError, "%v", err)
	}
	m := &message{
		exchange: p.Exchange, key: p.RoutingKey, keys: []string{p.RoutingKey}, told: []string{p.RoutingKey},
		properties: properties, body: body, parsed: parsed, priority: parsed.Priority,
	}
	if m.ttl, err = expirationOf(parsed); err != nil {
		return nil, err
	}
	return m, m.readRecipients()
}

// expirationOf reads the expiration property: milliseconds, as text.
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

// badInteger says how far a text is an integer, in Erlang's words.
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

// readRecipients takes more routing keys from the headers CC and BCC, and removes BCC:
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
			m.told = slices.Clone(m.keys)
		}
	}
	if _, ok := m.parsed.Headers.Get("BCC"); ok {
		m.setHeaders(m.parsed.Headers.Clone().Delete("BCC"))
	}
	return nil
}

func (m *message) headers() wire.Table { return m.parsed.Headers }

// setHeaders changes a message that is in no queue yet.
func (m *message) setHeaders(h wire.Table) {
	m.parsed.Headers = h
	m.parsed.Present |= wire.HasHeaders
	m.properties = m.parsed.Append(nil)
}

// size is what the message counts for the broker's memory.
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
