package handler

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/warren-mq/warren/message"
)

// Option changes how Typed turns a message into a value.
type Option func(*options)

type options struct {
	codecs    []Codec
	validates []func(any) error
	lenient   bool

	replyQueues func(queue string) bool // used by Replies alone
}

// WithCodec decodes with these codecs instead of JSON. A message is decoded by the first
// codec that accepts its content type, and by the first of all if it has none. Without
// arguments WithCodec restores JSON.
func WithCodec(codecs ...Codec) Option {
	return func(o *options) { o.codecs = codecs }
}

// WithLenientContentType decodes a body by the first codec if no codec accepts its
// content type, such as JSON that is published as text/plain or
// application/octet-stream.
func WithLenientContentType() Option {
	return func(o *options) { o.lenient = true }
}

// WithValidate calls validate with each decoded value, which is a T and not a
// pointer to one. An error makes the message a dead letter with the reason
// "invalid". If the option is given more than once, the functions are called in turn until
// the first error.
func WithValidate(validate func(v any) error) Option {
	return func(o *options) { o.validates = append(o.validates, validate) }
}

type typed[T any] struct {
	fn func(context.Context, T) error
	options
}

// Typed returns a Handler that decodes the body into a T, by default as JSON, validates it,
// and calls fn. If the body is bad, the Handler returns a *DecodeError or an *InvalidError
// without calling fn. Typed panics if fn is nil.
func Typed[T any](fn func(context.Context, T) error, opts ...Option) Handler {
	if fn == nil {
		panic("handler: Typed got a nil function")
	}
	t := &typed[T]{fn: fn}
	for _, opt := range opts {
		opt(&t.options)
	}
	if len(t.codecs) == 0 {
		t.codecs = []Codec{JSON()}
	}
	return t
}

func (t *typed[T]) Handle(ctx context.Context, m *message.Message) error {
	v, err := t.decode(ctx, m)
	if err != nil {
		return err
	}
	return t.fn(ctx, v)
}

// PayloadType returns the type of the values that the function takes. Programs that describe a
// handler find the method by an interface, and also ContentTypes.
func (t *typed[T]) PayloadType() reflect.Type { return reflect.TypeFor[T]() }

// ContentTypes returns the content types of the codecs; the first is the preferred one.
func (t *typed[T]) ContentTypes() []string { return contentTypes(t.codecs) }

func (t *typed[T]) decode(ctx context.Context, m *message.Message) (v T, err error) {
	if err = t.unmarshal(ctx, m, &v); err != nil {
		return v, err
	}
	for _, validate := range t.validates {
		if err := validate(v); err != nil {
			return v, &InvalidError{err}
		}
	}
	return v, nil
}

// opener is a Codec that needs the message: see Codec.
type opener interface {
	Codec
	OpenMessage(ctx context.Context, m *message.Message) (*message.Message, Codec, error)
}

func (o *options) unmarshal(ctx context.Context, m *message.Message, v any) (err error) {
	codec := pick(o.codecs, m.ContentType)
	if codec == nil && o.lenient {
		codec = o.codecs[0]
	}
	for {
		outer, ok := codec.(opener)
		if !ok {
			break
		}
		if m, codec, err = outer.OpenMessage(ctx, m); err != nil {
			return err
		}
	}
	if err := o.unmarshalBody(codec, m, v); err != nil {
		return &DecodeError{m.ContentType, m.ContentEncoding, err}
	}
	return nil
}

func (o *options) unmarshalBody(codec Codec, m *message.Message, v any) (err error) {
	if codec == nil {
		return fmt.Errorf("no codec accepts it, want %s", accepted(o.codecs))
	}
	body := m.Body
	if _, ok := codec.(textCodec); ok {
		if body, err = toUTF8(body, m.ContentType); err != nil {
			return err
		}
	}
	return codec.Unmarshal(body, v)
}

func accepted(codecs []Codec) string { return strings.Join(contentTypes(codecs), " or ") }

func contentTypes(codecs []Codec) []string {
	kinds := make([]string, len(codecs))
	for i, c := range codecs {
		kinds[i] = c.ContentType()
	}
	return kinds
}

// DecodeError is the error of a body that could not be decoded. It is permanent, since the
// same bytes cannot be decoded in the next attempt either.
type DecodeError struct {
	ContentType     string // of the message, as it came; may be empty
	ContentEncoding string // of the message, without what package codec has decoded
	Err             error  // what the codec said
}

// Error returns the content type, the content encoding if there is one, and the codec's
// error.
func (e *DecodeError) Error() string {
	if e.ContentEncoding != "" {
		return fmt.Sprintf("handler: decode content type %q, encoding %q: %v", e.ContentType, e.ContentEncoding, e.Err)
	}
	return fmt.Sprintf("handler: decode content type %q: %v", e.ContentType, e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Permanent returns true: see retry.IsPermanent.
func (e *DecodeError) Permanent() bool { return true }

// Reason returns message.ReasonDecode.
func (e *DecodeError) Reason() string { return message.ReasonDecode }

// InvalidError is the error of a body that was decoded and did not pass its validation. It
// is permanent.
type InvalidError struct {
	Err error // what the validation said
}

// Error returns the validation's error.
func (e *InvalidError) Error() string { return fmt.Sprintf("handler: invalid payload: %v", e.Err) }

// Unwrap returns the validation's error.
func (e *InvalidError) Unwrap() error { return e.Err }

// Permanent returns true: see retry.IsPermanent.
func (e *InvalidError) Permanent() bool { return true }

// Reason returns message.ReasonInvalid.
func (e *InvalidError) Reason() string { return message.ReasonInvalid }
