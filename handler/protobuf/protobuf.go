// Package protobuf lets handlers take Protocol Buffers messages, by
// google.golang.org/protobuf.
package protobuf

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/warren-mq/warren/handler"
)

type codec struct{}

var _ handler.Codec = codec{}

// Codec is the codec for the binary format. The type a handler takes is a pointer
// to a generated message, such as *pb.SignedUp, and is never nil; an empty body
// is a message with all fields unset. It accepts application/x-protobuf, which
// is what it publishes, application/protobuf and
// application/vnd.google.protobuf.
func Codec() handler.Codec { return codec{} }

func (codec) ContentType() string { return "application/x-protobuf" }

func (codec) Accepts(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return slices.Contains([]string{
		"application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf",
	}, strings.ToLower(strings.TrimSpace(kind)))
}

func (codec) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("protobuf: value is a %T, want a pointer to a generated message", v)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("protobuf: marshal a %T: %w", v, err)
	}
	return data, nil
}

func (codec) Unmarshal(data []byte, v any) error {
	m, ok := target(v)
	if !ok {
		return fmt.Errorf("protobuf: value is a %T, want a pointer to a pointer to a generated message", v)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return fmt.Errorf("protobuf: unmarshal a %T: %w", m, err)
	}
	return nil
}

// target returns the message that v points to, or a new one put where v, a
// **Message, points.
func target(v any) (proto.Message, bool) {
	if m, ok := v.(proto.Message); ok {
		return m, true
	}
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Pointer {
		return nil, false
	}
	fresh := reflect.New(p.Type().Elem().Elem())
	m, ok := reflect.TypeAssert[proto.Message](fresh)
	if ok {
		p.Elem().Set(fresh)
	}
	return m, ok
}
