// Package cloudevents is a codec for CloudEvents 1.0, in binary and in structured mode.
//
// CloudEvents has no binding for AMQP 0-9-1. In binary mode this package writes what the
// binding for AMQP 1.0 writes, with the headers as application properties: the data is the
// body, its type is the content type, and the other attributes are headers that begin with
// "cloudEvents_". It also reads headers that begin with "cloudEvents:". In structured mode the
// body is the whole event as JSON, with the content type application/cloudevents+json.
package cloudevents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/message"
)

// Event is an event with its attributes. A handler that takes an Event gets them, and one that
// takes another type gets the data alone. A publisher may publish an Event, or the data.
type Event struct {
	ID     string // the message id if empty, which Event.ID replaces otherwise
	Source string // Config.Source if empty
	Type   string // the message's type if empty, or its routing key
	// Subject, DataSchema, Time and Extensions are optional. The time of a publish is the
	// message's timestamp if Time is zero.
	Subject    string
	DataSchema string
	Time       time.Time
	// Extensions holds further attributes by name: lower-case letters and digits.
	Extensions map[string]string
	// DataContentType is the type of the data. A publisher takes it from Config.Data.
	DataContentType string
	// Data is a value that Config.Data encodes. When an event is handled, it is a []byte.
	Data any
}

// Config configures New. Source must be set.
type Config struct {
	// Source is a URI that identifies the publisher, such as https://example.com/orders.
	Source string
	// Structured publishes events in structured mode. Both modes are always accepted.
	Structured bool
	// Data encodes and decodes the data. Nil means handler.JSON. To compress or seal events, wrap
	// the Codec that New returns instead.
	Data handler.Codec
}

const (
	structured  = "application/cloudevents+json"
	specVersion = "1.0"
)

// Codec is a handler.Codec for CloudEvents. It is safe for concurrent use.
type Codec struct{ config Config }

var _ handler.Codec = (*Codec)(nil)

// New returns the codec. It panics if c.Source is empty.
func New(c Config) *Codec {
	if c.Source == "" {
		panic("cloudevents: New got an empty Source, want a URI")
	}
	if c.Data == nil {
		c.Data = handler.JSON()
	}
	return &Codec{c}
}

// ContentType returns the content type that a publish has.
func (c *Codec) ContentType() string {
	if c.config.Structured {
		return structured
	}
	return c.config.Data.ContentType()
}

// Accepts reports whether the type is the one of structured mode, or one of the data.
func (c *Codec) Accepts(contentType string) bool {
	return isStructured(contentType) || c.config.Data.Accepts(contentType)
}

func isStructured(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), structured)
}

// Marshal returns an error: the attributes of an event need a message. A publisher calls
// MarshalMessage.
func (c *Codec) Marshal(any) ([]byte, error) {
	return nil, errors.New("cloudevents: an event cannot be encoded without a message, want a call of MarshalMessage")
}

// Unmarshal returns an error, as Marshal does. A handler of handler.Typed calls OpenMessage.
func (c *Codec) Unmarshal([]byte, any) error {
	return errors.New("cloudevents: an event cannot be decoded without a message, want a call of OpenMessage")
}

// MarshalMessage stores v, which is an Event, a *Event or the data of one, in m.
func (c *Codec) MarshalMessage(ctx context.Context, m *message.Message, v any) error {
	e := Event{Data: v}
	switch v := v.(type) {
	case Event:
		e = v
	case *Event:
		if v == nil {
			return errors.New("cloudevents: the event is nil")
		}
		e = *v
	}
	e.complete(m, c.config)
	if err := e.validate(); err != nil {
		return err
	}
	m.ID, m.Type, m.ContentType = e.ID, e.Type, e.DataContentType
	if err := encode.Body(ctx, m, e.Data, c.config.Data); err != nil {
		return err
	}
	if c.config.Structured {
		return e.writeBody(m)
	}
	headers := e.Headers()
	for name, value := range m.Headers {
		if _, own := headers[name]; !own {
			headers[name] = value
		}
	}
	m.Headers = headers
	return nil
}

// Headers returns the attributes of e, without datacontenttype, as headers of binary mode.
func (e *Event) Headers() message.Headers {
	headers := make(message.Headers)
	for name, value := range e.attributes() {
		headers[prefix+name] = value
	}
	return headers
}

// complete takes missing attributes from the message and the configuration.
func (e *Event) complete(m *message.Message, c Config) {
	for _, field := range []struct {
		to   *string
		from []string
	}{
		{&e.ID, []string{m.ID}},
		{&e.Source, []string{c.Source}},
		{&e.Type, []string{m.Type, m.RoutingKey}},
		{&e.DataContentType, []string{m.ContentType, c.Data.ContentType()}},
	} {
		for _, value := range field.from {
			if *field.to == "" {
				*field.to = value
			}
		}
	}
	if e.Time.IsZero() {
		e.Time = m.Timestamp
	}
}

// OpenMessage returns a message whose body is the data of the event in m, and a codec that
// decodes it, or the event. Its error is a *handler.DecodeError.
func (c *Codec) OpenMessage(ctx context.Context, m *message.Message) (*message.Message, handler.Codec, error) {
	e, data, err := read(m)
	if err == nil {
		err = e.validate()
	}
	if err == nil && e.DataContentType != "" && !c.config.Data.Accepts(e.DataContentType) {
		err = fmt.Errorf("cloudevents: the data has the content type %.80q, want %s", e.DataContentType, c.config.Data.ContentType())
	}
	if err != nil {
		return nil, nil, &handler.DecodeError{ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Err: err}
	}
	opened := *m
	opened.Body, opened.ContentType, opened.Type = data, e.DataContentType, e.Type
	return e.open(ctx, &opened, c.config.Data)
}

// open returns the message with the data of e, and a codec for it. It opens the message further
// if the codec of the data needs that.
func (e *Event) open(ctx context.Context, m *message.Message, data handler.Codec) (*message.Message, handler.Codec, error) {
	for {
		outer, ok := data.(interface {
			OpenMessage(ctx context.Context, m *message.Message) (*message.Message, handler.Codec, error)
		})
		if !ok {
			break
		}
		var err error
		if m, data, err = outer.OpenMessage(ctx, m); err != nil {
			return nil, nil, err
		}
	}
	if _, ok := data.(interface{ Text() }); ok {
		return m, textCodec{eventCodec{data, *e, m.Body}}, nil
	}
	return m, eventCodec{data, *e, m.Body}, nil
}

// eventCodec decodes one event.
type eventCodec struct {
	handler.Codec

	event Event
	data  []byte
}

// textCodec is an eventCodec whose data is text: see handler.Codec.
type textCodec struct{ eventCodec }

func (textCodec) Text() {}

// Unmarshal stores the event in v if it is an *Event, and decodes its data otherwise.
func (c eventCodec) Unmarshal(data []byte, v any) error {
	if e, ok := v.(*Event); ok {
		*e = c.event
		e.Data = append([]byte(nil), c.data...)
		return nil
	}
	return c.Codec.Unmarshal(data, v)
}
