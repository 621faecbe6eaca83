package handler_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// quoted is a codec whose bodies are another codec's bodies in brackets.
type quoted struct {
	handler.Codec

	fault error
}

func (q quoted) OpenMessage(_ context.Context, m *message.Message) (*message.Message, handler.Codec, error) {
	opened := *m
	opened.Body = bytes.TrimSuffix(bytes.TrimPrefix(m.Body, []byte("[")), []byte("]"))
	opened.ContentType = "application/json; charset=iso-8859-1"
	return &opened, q.Codec, q.fault
}

func TestACodecMayOpenTheMessage(t *testing.T) {
	t.Parallel()
	unavailable := errors.New("the store is away")
	for _, tt := range []struct {
		name  string
		codec handler.Codec
		body  string
		want  string
		fault string
	}{
		{"once", quoted{Codec: handler.JSON()}, "[\"Zo\xeb\"]", "Zoë", ""},
		{"twice", quoted{Codec: quoted{Codec: handler.JSON()}}, `[["a"]]`, "a", ""},
		{"bad JSON inside", quoted{Codec: handler.JSON()}, `[x]`, "", `handler: decode content type "application/json; charset=iso-8859-1": at byte 1 of 1: invalid character 'x' looking for beginning of value`},
		{"an error of its own", quoted{handler.JSON(), unavailable}, `["a"]`, "", unavailable.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got, fault string
			m := &message.Message{Body: []byte(tt.body)}
			err := handler.Typed(func(_ context.Context, s string) error {
				got = s
				return nil
			}, handler.WithCodec(tt.codec)).Handle(t.Context(), m)
			if err != nil {
				fault = err.Error()
			}
			if got != tt.want || fault != tt.fault || string(m.Body) != tt.body {
				t.Errorf("got %q, %q; want %q, %q", got, fault, tt.want, tt.fault)
			}
		})
	}
}
