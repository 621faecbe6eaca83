package job

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// Emits has a command or a server emit messages: the lines on stdout, the "emit" of an answer, or
// the response. Each message is an object:
//
//	{"key": "order.paid", "body": {"number": 7}, "headers": {"x-tenant": "blue"}, "id": "paid-7"}
//
// "key" is the routing key, and "body" any JSON value, which is the body with the content type
// application/json. "headers" (text, numbers, true and false) and "id" may be missing. The
// messages count only if the handling succeeds: output of a command that fails is ignored.
// Other output, or more of it than the limits allow, is an error that names the line, and the
// message is tried again.
type Emits struct {
	// Emit emits a message, which has a RoutingKey, Body, ContentType, and Headers and ID if they
	// are given. It usually calls broker.Publisher.Emit, so that nothing is published if the
	// handling fails. Each error fails the handling.
	Emit func(ctx context.Context, m *message.Message) error
	// MaxMessages is the most messages for one handled message. Zero means 1,000.
	MaxMessages int
	// MaxBytes is the largest output or response. Zero means 1 MiB. A persistent Exec has
	// MaxAnswerBytes instead.
	MaxBytes int
}

// validate adds the faults of e.
func (e *Emits) validate(f *check.Faults) {
	if e == nil {
		return
	}
	f.Addf(e.Emit == nil, "Emits.Emit is nil, want a function")
	f.Addf(e.MaxMessages < 0, "Emits.MaxMessages is %d, want 0 or more", e.MaxMessages)
	f.Addf(e.MaxBytes < 0, "Emits.MaxBytes is %d, want 0 or more", e.MaxBytes)
}

func (e *Emits) maxBytes() int { return cmp.Or(e.MaxBytes, 1<<20) }

// errTooMuch is the error of output beyond MaxBytes.
func (e *Emits) errTooMuch() error {
	return fmt.Errorf("more than %d bytes, want fewer, or a larger MaxBytes", e.maxBytes())
}

// emit emits all, if there are not too many.
func (e *Emits) emit(ctx context.Context, all []*message.Message) error {
	if most := cmp.Or(e.MaxMessages, 1000); len(all) > most {
		return fmt.Errorf("%d messages, want at most %d, or a larger MaxMessages", len(all), most)
	}
	for _, m := range all {
		if err := e.Emit(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// parseLines returns the messages on the lines of output. Empty lines are ignored.
func (e *Emits) parseLines(output *head) (all []*message.Message, err error) {
	if output.over {
		return nil, e.errTooMuch()
	}
	number := 0
	for line := range bytes.Lines(output.kept) {
		if number++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		m, err := parseEmitted(line)
		if err != nil {
			return nil, fmt.Errorf("line %d, %q, is not a message: %w", number, cleanHead(line, 100), err)
		}
		all = append(all, m)
	}
	return all, nil
}

// parseResponse returns the message or the list of messages in a response, which may be empty.
func (e *Emits) parseResponse(body []byte) ([]*message.Message, error) {
	if len(body) > e.maxBytes() {
		return nil, e.errTooMuch()
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return nil, nil
	}
	parts := []json.RawMessage{body}
	if body[0] == '[' {
		if err := json.Unmarshal(body, &parts); err != nil {
			return nil, fmt.Errorf("%q is not a list of messages: %w", cleanHead(body, 100), err)
		}
	}
	return parseAllEmitted(parts)
}

func parseAllEmitted(parts []json.RawMessage) ([]*message.Message, error) {
	all := make([]*message.Message, len(parts))
	for i, part := range parts {
		m, err := parseEmitted(part)
		if err != nil {
			return nil, fmt.Errorf("number %d, %q, is not a message: %w", i+1, cleanHead(part, 100), err)
		}
		all[i] = m
	}
	return all, nil
}

// parseEmitted reads one message.
func parseEmitted(text []byte) (*message.Message, error) {
	var v struct {
		Key     *string         `json:"key"`
		Body    json.RawMessage `json:"body"`
		Headers map[string]any  `json:"headers"`
		ID      string          `json:"id"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	dec.DisallowUnknownFields() // a misspelt "headers" must not be lost
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON is not complete")
		}
		return nil, err
	}
	switch {
	case !atEnd(dec):
		return nil, errors.New("more than one JSON value, want one")
	case v.Key == nil:
		return nil, errors.New(`"key" is missing, want the routing key`)
	case v.Body == nil:
		return nil, errors.New(`"body" is missing, want a JSON value`)
	case len(*v.Key) > 255, len(v.ID) > 255:
		return nil, errors.New(`"key" or "id" is longer than 255 bytes`)
	}
	m := &message.Message{RoutingKey: *v.Key, ID: v.ID, Body: v.Body, ContentType: "application/json"}
	return m, setHeaders(m, v.Headers)
}

// setHeaders sets the headers that have a type of AMQP without a nested one.
func setHeaders(m *message.Message, headers map[string]any) error {
	if len(headers) > 0 {
		m.Headers = make(message.Headers, len(headers))
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch v := headers[name].(type) {
		case string, bool:
			m.Headers[name] = v
		case json.Number:
			m.Headers[name] = number(v)
		default:
			return fmt.Errorf("the header %q is not text, a number, true or false", name)
		}
	}
	return nil
}

// number returns n as an integer if it is one.
func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64() // the decoder has checked the form
	return f
}

// head keeps the beginning of the output written to it, at most limit bytes.
type head struct {
	limit int
	kept  []byte
	over  bool // there was more output
}

func (h *head) Write(p []byte) (int, error) {
	room := h.limit - len(h.kept)
	h.over = h.over || len(p) > room
	h.kept = append(h.kept, p[:min(len(p), room)]...)
	return len(p), nil
}
