package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

type jsonCodec struct{}

var _ textCodec = jsonCodec{}

// JSON is the codec for RFC 8259 JSON, by encoding/json. It accepts
// application/json, text/json and every type with the suffix +json. A body is
// exactly one value: anything but white space after it is an error. Errors say
// after how many bytes the fault was found; text that is not UTF-8 is an error. Fields
// unknown to the Go type are ignored, so that a publisher may add some. It has a method
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
