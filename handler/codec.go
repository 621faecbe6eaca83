package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Codec turns values into bodies and back. It must be safe for concurrent use. If it has a
// method Text() as well, its bodies are text in UTF-8: Typed converts a body that its
// content type declares as ISO-8859-1 or UTF-16 before it calls Unmarshal, and returns a
// *DecodeError for other charsets.
//
// A codec that needs the message, and not only its body, has two methods more; package codec
// and the packages below it have such codecs:
//
//	MarshalMessage(ctx context.Context, m *message.Message, v any) error
//	OpenMessage(ctx context.Context, m *message.Message) (*message.Message, Codec, error)
//
// MarshalMessage is called for a publish instead of Marshal. It stores v in m, and may change
// every field of m. OpenMessage is called by Typed instead of Unmarshal. It returns another
// message and the codec that decodes it; Typed returns its error unchanged, so that a
// *DecodeError is permanent, and the error of a store that is unavailable is retried. If the
// codec also has a method Unsent(ctx context.Context, m *message.Message), it is called after
// a publish that failed, if no queue has received m.
type Codec interface {
	// ContentType returns the MIME type of the bodies that Marshal returns.
	ContentType() string
	// Accepts reports whether Unmarshal understands bodies of this MIME type, which
	// may have parameters and be in any case.
	Accepts(contentType string) bool
	// Marshal returns v as a body.
	Marshal(v any) ([]byte, error)
	// Unmarshal stores the body into v, which is a pointer to the value. It must
	// not keep data, nor let v refer to it.
	Unmarshal(data []byte, v any) error
}

// mediaType returns a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// pick returns the codec for a content type, or nil. Simple publishers often set no content
// type; the first codec decodes these messages.
func pick(codecs []Codec, contentType string) Codec {
	if mediaType(contentType) == "" {
		return codecs[0]
	}
	if i := slices.IndexFunc(codecs, func(c Codec) bool { return c.Accepts(contentType) }); i >= 0 {
		return codecs[i]
	}
	return nil
}

type jsonCodec struct{}

var _ textCodec = jsonCodec{}

// JSON returns the codec for RFC 8259 JSON, by encoding/json. It accepts
// application/json, text/json and every type with the suffix +json. A body must be
// exactly one value, followed by white space at most. Errors name the byte at which the
// fault was found. Text that is not UTF-8 is an error. Fields unknown to the Go type are
// ignored, so that a publisher may add some. It has a method
// Text, so a byte order mark is accepted and other charsets are converted.
func JSON() Codec { return jsonCodec{} }

func (jsonCodec) Text() {}

func (jsonCodec) ContentType() string { return "application/json" }

func (jsonCodec) Accepts(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "application/json" || kind == "text/json" ||
		strings.Contains(kind, "/") && strings.HasSuffix(kind, "+json")
}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("handler: %w", err)
	}
	return data, nil
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return checkUTF8(data)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("at byte %d of %d: %w", syntax.Offset, len(data), err)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("at byte %d of %d: %w", mismatch.Offset, len(data), err)
	}
	return err
}

type rawCodec struct{}

var _ Codec = rawCodec{}

// Raw returns the codec that leaves bodies as they are. The value is a []byte, a
// string, or of a type made from one of them, such as json.RawMessage. It accepts
// every content type. A slice is a copy of the body, which the handler may change.
func Raw() Codec { return rawCodec{} }

func (rawCodec) ContentType() string { return "application/octet-stream" }

func (rawCodec) Accepts(string) bool { return true }

func (rawCodec) Marshal(v any) ([]byte, error) {
	switch rv := reflect.ValueOf(v); {
	case isBytes(rv):
		return bytes.Clone(rv.Bytes()), nil
	case rv.Kind() == reflect.String:
		return []byte(rv.String()), nil
	}
	return nil, fmt.Errorf("handler: raw value is a %T, want bytes or a string", v)
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		switch rv = rv.Elem(); {
		case isBytes(rv):
			rv.SetBytes(bytes.Clone(data))
			return nil
		case rv.Kind() == reflect.String:
			rv.SetString(string(data))
			return nil
		}
	}
	return fmt.Errorf("handler: raw value is a %T, want a pointer to bytes or to a string", v)
}

func isBytes(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
}
