// Package jsonschema checks bodies by JSON Schema, by github.com/santhosh-tekuri/jsonschema:
// before a message is published, and before its handler runs.
package jsonschema

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/topic"
	"github.com/warren-mq/warren/message"
)

// Error lists where a body breaks its schema. It shows places in the schema and no value of the
// body: bodies may be private, and errors are logged and kept with dead letters.
type Error struct {
	Pattern string   // of the routing keys that have the schema
	Places  []string // such as /properties/email/format, sorted
}

// Error returns the places, separated by commas.
func (e *Error) Error() string {
	return fmt.Sprintf("jsonschema: the body breaks the schema of %q at %s", e.Pattern, strings.Join(e.Places, ", "))
}

// Schemas holds the schemas of routing keys. It is safe for concurrent use.
type Schemas struct {
	all []schema // the most specific pattern first
}

type schema struct {
	pattern topic.Pattern
	rules   *jsonschema.Schema
}

// Compile compiles the JSON Schemas of routing keys. A key of schemas is a pattern of a topic
// exchange, and the most specific pattern that matches decides, as in handler.Mux. A message
// whose key matches no pattern is not checked; the pattern # with the schema false refuses it.
// The default draft is 2020-12. Formats are checked. A schema may refer to its own parts, and
// not to files or addresses. The error reports every pattern and schema that is not valid.
func Compile(schemas map[string]string) (*Schemas, error) {
	s := new(Schemas)
	var faults []error
	for _, pattern := range slices.Sorted(maps.Keys(schemas)) {
		one, err := compile(pattern, schemas[pattern])
		if err != nil {
			faults = append(faults, fmt.Errorf("jsonschema: schema of %q: %w", pattern, err))
		}
		s.all = append(s.all, one)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.all, func(a, b schema) int { return a.pattern.Compare(b.pattern) })
	return s, nil
}

func compile(pattern, text string) (one schema, err error) {
	if one.pattern, err = topic.Parse(pattern); err != nil {
		return one, err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return one, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	const address = "warren:schema"
	if err := c.AddResource(address, doc); err != nil {
		return one, err
	}
	one.rules, err = c.Compile(address)
	return one, err
}

// noLoader loads no schema, so that a schema cannot read files or addresses.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("the schema refers to %s, want references to its own parts", url)
}

// Check returns a *Error if the body breaks the schema of the routing key, and another error if
// it is not JSON.
func (s *Schemas) Check(key string, body []byte) error {
	at := slices.IndexFunc(s.all, func(one schema) bool { return one.pattern.Matches(key) })
	if at < 0 {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("jsonschema: the body is not JSON: %w", err)
	}
	err = s.all[at].rules.Validate(value)
	if err == nil {
		return nil
	}
	broken := &Error{Pattern: s.all[at].pattern.String()}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		broken.add(invalid)
	}
	slices.Sort(broken.Places)
	broken.Places = slices.Compact(broken.Places)
	return broken
}

// add adds the places of err, or of its causes.
func (e *Error) add(err *jsonschema.ValidationError) {
	for _, cause := range err.Causes {
		e.add(cause)
	}
	if len(err.Causes) > 0 {
		return
	}
	_, place, _ := strings.Cut(err.SchemaURL, "#")
	place = strings.Join(append([]string{place}, err.ErrorKind.KeywordPath()...), "/")
	e.Places = append(e.Places, cmp.Or(place, "/")) // the schema false has no place
}

// Codec is a handler.Codec that checks the bodies of another codec. It is safe for concurrent
// use.
type Codec struct {
	handler.Codec

	schemas *Schemas
}

// Codec returns a codec that checks what base encodes and decodes, which must be JSON. A
// publish of a body that breaks its schema returns a *handler.InvalidError and sends no message. A
// message that breaks its schema is dead-lettered with the reason "invalid".
func (s *Schemas) Codec(base handler.Codec) *Codec { return &Codec{base, s} }

// Marshal returns an error, because the schema depends on the routing key of a message. A
// publisher calls MarshalMessage.
func (c *Codec) Marshal(any) ([]byte, error) {
	return nil, errors.New("jsonschema: a body cannot be checked without its message, want a call of MarshalMessage")
}

// Unmarshal returns an error, as Marshal does. A handler of handler.Typed calls OpenMessage.
func (c *Codec) Unmarshal([]byte, any) error {
	return errors.New("jsonschema: a body cannot be checked without its message, want a call of OpenMessage")
}

// MarshalMessage stores v in m by the wrapped codec, and checks the body.
func (c *Codec) MarshalMessage(ctx context.Context, m *message.Message, v any) error {
	if err := encode.Body(ctx, m, v, c.Codec); err != nil {
		return err
	}
	if err := c.schemas.Check(m.RoutingKey, m.Body); err != nil {
		return &handler.InvalidError{Err: err}
	}
	return nil
}

// OpenMessage checks the body of m, and returns the wrapped codec. Its error is a
// *handler.InvalidError, or a *handler.DecodeError if the body is not JSON.
func (c *Codec) OpenMessage(_ context.Context, m *message.Message) (*message.Message, handler.Codec, error) {
	err := c.schemas.Check(m.RoutingKey, m.Body)
	if _, ok := errors.AsType[*Error](err); ok {
		return nil, nil, &handler.InvalidError{Err: err}
	}
	if err != nil {
		return nil, nil, &handler.DecodeError{ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Err: err}
	}
	return m, c.Codec, nil
}
