package codec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/message"
)

// Encoding is a reversible change of bodies. It must be safe for concurrent use.
type Encoding interface {
	// Name returns the name of the encoding in the property content-encoding, such as gzip.
	Name() string
	// Required reports whether a message without this encoding is refused.
	Required() bool
	// Encode returns m.Body encoded. ok is false if the body should stay as it is, for
	// example because it is small. m.ContentEncoding has the names of the encodings that
	// were applied before. Encode must not change m.
	Encode(ctx context.Context, m *message.Message) (body []byte, ok bool, err error)
	// Decode reverses Encode. m is as it was when Encode was called, with the encoded body.
	// Decode must check a size before it allocates memory for it. An error that wraps
	// ErrUnavailable is retried. A message with any other error is dead-lettered.
	Decode(ctx context.Context, m *message.Message) (body []byte, err error)
}

// ErrUnavailable says that a body cannot be decoded now, because a store or a key is missing,
// and that a later attempt may succeed.
var ErrUnavailable = errors.New("codec: the body is unavailable")

// unsender is an Encoding that keeps bodies elsewhere, and removes them after a failed publish.
type unsender interface {
	Unsent(ctx context.Context, m *message.Message)
}

// maxNames is how many names the property content-encoding may have.
const maxNames = 8

// charsets are names that other clients, such as kombu, write into the property
// content-encoding. They describe text, which the wrapped codec decodes.
var charsets = []string{"identity", "binary", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1"}

// Codec is a handler.Codec that applies encodings to the bodies of another codec. It is safe
// for concurrent use.
type Codec struct {
	base      handler.Codec
	encodings []Encoding
}

var _ handler.Codec = (*Codec)(nil)

// New returns a codec that encodes values with base and applies the encodings in the given
// order. Compress before you seal, since sealed bodies do not become smaller. It panics if base
// is nil, if the name of an encoding is not one that Names returns, if two encodings have the same
// name, or if an encoding that stores bodies elsewhere is not the last.
func New(base handler.Codec, encodings ...Encoding) *Codec {
	if base == nil {
		panic("codec: New got a nil codec")
	}
	c := &Codec{base, slices.Clone(encodings)}
	for i, e := range encodings {
		if names := Names(&message.Message{ContentEncoding: e.Name()}); !slices.Equal(names, []string{e.Name()}) {
			panic(fmt.Sprintf("codec: New got an encoding with the name %q, want one name in lower case, and gzip instead of x-gzip", e.Name()))
		}
		if c.find(e.Name()) != i {
			panic(fmt.Sprintf("codec: New got the encoding %s twice", e.Name()))
		}
		if _, ok := e.(unsender); ok && i < len(encodings)-1 {
			panic(fmt.Sprintf("codec: New got the encoding %s before %s, want it to be the last", e.Name(), encodings[i+1].Name()))
		}
	}
	return c
}

// ContentType returns the content type of the wrapped codec.
func (c *Codec) ContentType() string { return c.base.ContentType() }

// Accepts reports whether the wrapped codec accepts the content type.
func (c *Codec) Accepts(contentType string) bool { return c.base.Accepts(contentType) }

// Marshal returns an error, because a body without its message cannot name its encodings. A
// publisher calls MarshalMessage.
func (c *Codec) Marshal(any) ([]byte, error) {
	return nil, errors.New("codec: a body cannot be encoded without its message, want a call of MarshalMessage")
}

// Unmarshal returns an error, as Marshal does. A handler of handler.Typed calls OpenMessage.
func (c *Codec) Unmarshal([]byte, any) error {
	return errors.New("codec: a body cannot be decoded without its message, want a call of OpenMessage")
}

// MarshalMessage stores v in m as the wrapped codec does, or unchanged if v is a []byte, and
// applies the encodings to it.
func (c *Codec) MarshalMessage(ctx context.Context, m *message.Message, v any) error {
	if err := encode.Body(ctx, m, v, c.base); err != nil {
		return err
	}
	if len(c.encodings) > 0 { // Decode gets the names in this form
		m.ContentEncoding = strings.Join(Names(m), ", ")
	}
	for _, e := range c.encodings {
		body, ok, err := e.Encode(ctx, m)
		if err != nil {
			return fmt.Errorf("codec: encode a body as %s: %w", e.Name(), err)
		}
		if ok {
			m.Body, m.ContentEncoding = body, strings.TrimPrefix(m.ContentEncoding+", "+e.Name(), ", ")
		}
	}
	return nil
}

// OpenMessage returns a copy of m with its body decoded, and the wrapped codec. The error is a
// *handler.DecodeError unless it wraps ErrUnavailable.
func (c *Codec) OpenMessage(ctx context.Context, m *message.Message) (*message.Message, handler.Codec, error) {
	opened, err := c.open(ctx, m)
	if err == nil {
		return opened, c.base, nil
	}
	if !errors.Is(err, ErrUnavailable) {
		err = &handler.DecodeError{ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Err: err}
	}
	return nil, nil, err
}

// Unsent lets an encoding that stores bodies elsewhere remove the body of m. A publisher calls
// it if no queue has received m.
func (c *Codec) Unsent(ctx context.Context, m *message.Message) {
	for _, e := range c.encodings {
		if e, ok := e.(unsender); ok {
			e.Unsent(ctx, m)
		}
	}
}

func (c *Codec) open(ctx context.Context, m *message.Message) (*message.Message, error) {
	names := Names(m)
	if len(names) > maxNames {
		return nil, fmt.Errorf("codec: the body has %d encodings, want at most %d", len(names), maxNames)
	}
	if err := c.checkRequired(names); err != nil {
		return nil, err
	}
	opened, text := *m, false
	for i, name := range slices.Backward(names) {
		at := c.find(name)
		if slices.Contains(charsets, name) && at < 0 {
			text = true
			continue
		}
		// An encoding in front of a charset would not be decoded, although it may be required.
		if text || at < 0 || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("codec: the content encoding is %q, want each of %q at most once, and after the names of charsets",
				m.ContentEncoding, c.names())
		}
		opened.ContentEncoding = strings.Join(names[:i], ", ")
		body, err := c.encodings[at].Decode(ctx, &opened)
		if err != nil {
			return nil, fmt.Errorf("codec: decode a body from %s: %w", name, err)
		}
		opened.Body = body
	}
	return &opened, nil
}

func (c *Codec) checkRequired(names []string) error {
	for _, e := range c.encodings {
		if e.Required() && !slices.Contains(names, e.Name()) {
			return fmt.Errorf("codec: the content encoding lacks %s, which this consumer requires", e.Name())
		}
	}
	return nil
}

// find returns the index of the encoding with the name, or -1.
func (c *Codec) find(name string) int {
	return slices.IndexFunc(c.encodings, func(e Encoding) bool { return e.Name() == name })
}

func (c *Codec) names() []string {
	all := make([]string, len(c.encodings))
	for i, e := range c.encodings {
		all[i] = e.Name()
	}
	return all
}

// Names returns the names in the property content-encoding of m, in lower case and in the order
// in which the encodings were applied. The name x-gzip is returned as gzip (RFC 9110).
func Names(m *message.Message) (names []string) {
	for name := range strings.SplitSeq(m.ContentEncoding, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = "gzip"
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
