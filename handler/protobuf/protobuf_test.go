package protobuf_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/handler/protobuf"
	"github.com/warren-mq/warren/message"
)

func TestCodecAccepts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind string
		want       bool
	}{
		{"its own type", protobuf.Codec().ContentType(), true},
		{"the registered type", "application/protobuf", true},
		{"the old vendor type", "application/vnd.google.protobuf", true},
		{"parameters and any case", "Application/X-Protobuf; messageType=x", true},
		{"not JSON of a message", "application/protobuf+json", false},
		{"not nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := protobuf.Codec().Accepts(tt.kind); got != tt.want {
				t.Errorf("accepts %q: %v, want %v", tt.kind, got, tt.want)
			}
		})
	}
}

func TestATypedHandlerTakesAMessage(t *testing.T) {
	t.Parallel()
	want := structpb.NewStringValue("alice")
	body, err := protobuf.Codec().Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []*structpb.Value
	h := handler.Typed(func(_ context.Context, v *structpb.Value) error {
		got = append(got, v)
		return nil
	}, handler.WithCodec(protobuf.Codec()))
	for range 2 {
		m := &message.Message{ContentType: "application/protobuf", Body: body}
		if err := h.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if !proto.Equal(got[0], want) || !proto.Equal(got[1], want) || got[0] == got[1] {
		t.Errorf("got %v, want %v twice, each its own", got, want)
	}
	if err := h.Handle(t.Context(), &message.Message{}); err != nil || got[2] == nil {
		t.Errorf("an empty body: %v, %v, want a message with nothing set", got[2], err)
	}
}

func TestBadBytesAreADecodeError(t *testing.T) {
	t.Parallel()
	h := handler.Typed(func(context.Context, *structpb.Struct) error {
		t.Error("the handler ran")
		return nil
	}, handler.WithCodec(protobuf.Codec()))
	err := h.Handle(t.Context(), &message.Message{Body: []byte("\x0a\xff")})
	if _, ok := errors.AsType[*handler.DecodeError](err); !ok || !strings.Contains(err.Error(), "unmarshal a *structpb.Struct") {
		t.Errorf("%v, want a *DecodeError naming the type", err)
	}
}

func TestOtherTypesAreRefused(t *testing.T) {
	t.Parallel()
	text, number := "", new(int)
	for _, tt := range []struct {
		name string
		got  error
		want string
	}{
		{"marshalling text", second(protobuf.Codec().Marshal(text)), "protobuf: value is a string, want a pointer to a generated message"},
		{"marshalling nothing", second(protobuf.Codec().Marshal(nil)), "protobuf: value is a <nil>, want a pointer to a generated message"},
		{"marshalling broken text", second(protobuf.Codec().Marshal(wrapperspb.String("\xff"))), "protobuf: marshal a *wrapperspb.StringValue: "},
		{"into text", protobuf.Codec().Unmarshal(nil, &text), "protobuf: value is a *string, want a pointer to a pointer to a generated message"},
		{"into a pointer to a number", protobuf.Codec().Unmarshal(nil, &number), "protobuf: value is a **int, want a pointer to a pointer to a generated message"},
		{"into nothing", protobuf.Codec().Unmarshal(nil, nil), "protobuf: value is a <nil>, want a pointer to a pointer to a generated message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.got == nil || !strings.HasPrefix(tt.got.Error(), tt.want) {
				t.Errorf("got %v, want %s", tt.got, tt.want)
			}
		})
	}
}

func second(_ []byte, err error) error { return err }

func TestUnmarshalIntoAMessageItself(t *testing.T) {
	t.Parallel()
	var v wrapperspb.Int64Value
	if err := protobuf.Codec().Unmarshal([]byte{8, 7}, &v); err != nil || v.GetValue() != 7 {
		t.Errorf("got %v, %v, want 7", v.GetValue(), err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("\x0a\x05alice"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v *structpb.Struct
		if err := protobuf.Codec().Unmarshal(body, &v); err != nil {
			return
		}
		if _, err := protobuf.Codec().Marshal(v); err != nil {
			t.Errorf("%q was decoded and cannot be encoded: %v", body, err)
		}
	})
}
