package handler

import (
	"bytes"
	"fmt"
	"reflect"
)

type rawCodec struct{}

var _ Codec = rawCodec{}

// Raw is the codec that leaves bodies as they are. The value is a []byte, a
// string, or of a type made from one of them, such as json.RawMessage. It accepts
// every content type. A slice is a copy of the body, the handler's to change.
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
