package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

type signedUp struct {
	Email string `json:"email"`
	Age   int    `json:"age"`
}

// text is a codec of its own content type, to be picked or not.
type text struct{ handler.Codec }

func (text) ContentType() string      { return "text/plain" }
func (text) Accepts(kind string) bool { return kind == "text/plain" }

func TestTypedDecodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		m    message.Message
		want string // the email seen, or the error's text
	}{
		{"JSON", message.Message{ContentType: "application/json", Body: []byte(`{"email":"a"}`)}, "a"},
		{"no content type as JSON", message.Message{Body: []byte(`{"email":"a"}`)}, "a"},
		{"white space around the value", message.Message{Body: []byte(" \n{\"email\":\"a\"}\t\r\n")}, "a"},
		{"unknown fields without complaint", message.Message{Body: []byte(`{"email":"a","new":1}`)}, "a"},
		{
			"not a syntax error",
			message.Message{ContentType: "application/json", Body: []byte(`{"email":"a",}`)},
			`handler: decode content type "application/json": at byte 14 of 14: invalid character '}' looking for beginning of object key string`,
		},
		{
			"not trailing garbage",
			message.Message{Body: []byte(`{"email":"a"} x`)},
			`handler: decode content type "": at byte 15 of 15: invalid character 'x' after top-level value`,
		},
		{
			"not a second value",
			message.Message{Body: []byte(`{}{}`)},
			`handler: decode content type "": at byte 3 of 4: invalid character '{' after top-level value`,
		},
		{
			"not nothing",
			message.Message{},
			`handler: decode content type "": at byte 0 of 0: unexpected end of JSON input`,
		},
		{
			"not a wrong type",
			message.Message{Body: []byte(`{"age":"x"}`)},
			`handler: decode content type "": at byte 10 of 11: json: cannot unmarshal string into Go struct field signedUp.age of type int`,
		},
		{
			"not an unknown content type",
			message.Message{ContentType: "text/csv", Body: []byte(`{}`)},
			`handler: decode content type "text/csv": no codec accepts it, want application/json`,
		},
		{
			"not what is encoded, and says so",
			message.Message{ContentEncoding: "gzip", Body: []byte("\x1f\x8b")},
			`handler: decode content type "", encoding "gzip": at byte 1 of 2: invalid character '\x1f' looking for beginning of value`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seen := ""
			h := handler.Typed(func(_ context.Context, u signedUp) error {
				seen = u.Email
				return nil
			})
			if err := h.Handle(t.Context(), &tt.m); err != nil {
				wantDecodeError(t, err)
				seen = err.Error()
			}
			if seen != tt.want {
				t.Errorf("got  %s\nwant %s", seen, tt.want)
			}
		})
	}
}

func wantDecodeError(t *testing.T, err error) {
	t.Helper()
	d, ok := errors.AsType[*handler.DecodeError](err)
	if !ok || d.Reason() != message.ReasonDecode || !retry.IsPermanent(err) || errors.Unwrap(err) == nil {
		t.Errorf("%#v, want a permanent *DecodeError with a cause", err)
	}
}

func TestTypedValidates(t *testing.T) {
	t.Parallel()
	invalid := errors.New("age: want 18 or more")
	adult := handler.WithValidate(func(v any) error {
		if u, ok := v.(signedUp); !ok || u.Age < 18 {
			return invalid
		}
		return nil
	})
	never := handler.WithValidate(func(any) error { return errors.New("second") })
	h := handler.Typed(func(context.Context, signedUp) error { return nil }, adult, never)
	err := h.Handle(t.Context(), &message.Message{Body: []byte(`{"age":3}`)})
	e, ok := errors.AsType[*handler.InvalidError](err)
	if !ok || e.Reason() != message.ReasonInvalid || !errors.Is(err, invalid) || !retry.IsPermanent(err) {
		t.Errorf("a child: %v, want a permanent *InvalidError", err)
	}
	if want := "handler: invalid payload: age: want 18 or more"; err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
	err = h.Handle(t.Context(), &message.Message{Body: []byte(`{"age":30}`)})
	if err == nil || !strings.HasSuffix(err.Error(), "second") {
		t.Errorf("an adult: %v, want the second validation asked", err)
	}
}

func TestTheContentTypePicksTheCodec(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind string
		codecs     []handler.Codec
		want       string // how "x" in quotes is seen, or the error's end
	}{
		{"the one that accepts it", "text/plain", []handler.Codec{handler.JSON(), text{handler.Raw()}}, `"x"`},
		{"the first that accepts it", "application/json", []handler.Codec{handler.JSON(), handler.Raw()}, `x`},
		{"the first if there is none", "", []handler.Codec{text{handler.Raw()}, handler.JSON()}, `"x"`},
		{"the first if there are only parameters", "; charset=utf-8", []handler.Codec{text{handler.Raw()}}, `"x"`},
		{"JSON if no codecs are given", "application/json", nil, `x`},
		{
			"none, naming all", "a/b",
			[]handler.Codec{handler.JSON(), text{handler.Raw()}},
			`handler: decode content type "a/b": no codec accepts it, want application/json or text/plain`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			h := handler.Typed(func(_ context.Context, s string) error {
				got = s
				return nil
			}, handler.WithCodec(tt.codecs...))
			if err := h.Handle(t.Context(), &message.Message{ContentType: tt.kind, Body: []byte(`"x"`)}); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRawPassesBytesOn(t *testing.T) {
	t.Parallel()
	body := []byte("\x00\xff")
	m := &message.Message{ContentType: "any/thing", Body: body}
	raw := handler.WithCodec(handler.Raw())
	got := ""
	for name, h := range map[string]handler.Handler{
		"bytes":  handler.Typed(func(_ context.Context, b []byte) error { got = string(b); b[0] = 'x'; return nil }, raw),
		"string": handler.Typed(func(_ context.Context, s string) error { got = s; return nil }, raw),
		"named":  handler.Typed(func(_ context.Context, b json.RawMessage) error { got = string(b); return nil }, raw),
	} {
		got = ""
		if err := h.Handle(t.Context(), m); err != nil || got != "\x00\xff" {
			t.Errorf("%s: got %q, %v, want the body, unchanged by other handlers", name, got, err)
		}
	}
	err := handler.Typed(func(context.Context, int) error { return nil }, raw).Handle(t.Context(), m)
	if want := `handler: decode content type "any/thing": handler: raw value is a *int, want a pointer to bytes or to a string`; err == nil || err.Error() != want {
		t.Errorf("an int: %v, want %s", err, want)
	}
}

func TestTypedPanicsOnANilFunction(t *testing.T) {
	t.Parallel()
	defer func() {
		if got := recover(); got != "handler: Typed got a nil function" {
			t.Errorf("panics with %v", got)
		}
	}()
	handler.Typed[int](nil)
}

func FuzzTypedNeverPanics(f *testing.F) {
	f.Add("application/json", []byte(`{"email":"a","age":1}`))
	f.Add("", []byte("[[[["))
	f.Add(";;;", []byte(`{"age":1e400}`))
	h := handler.Typed(func(context.Context, signedUp) error { return nil })
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		before := string(body)
		if err := h.Handle(t.Context(), &message.Message{ContentType: kind, Body: body}); err != nil {
			wantDecodeError(t, err)
		} else if !json.Valid(body) {
			t.Errorf("%q was taken for JSON", body)
		}
		if string(body) != before {
			t.Errorf("the body changed from %q to %q", before, body)
		}
	})
}

func TestABatchOfAnInterfacePassesNullOnAsNil(t *testing.T) {
	t.Parallel()
	var got []any
	h := handler.Batch(func(_ context.Context, items []any) error {
		got = items
		return nil
	})
	item, err := h.Decode(t.Context(), &message.Message{Body: []byte("null")})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.HandleBatch(t.Context(), []any{item, "a"}); err != nil || len(got) != 2 || got[0] != nil || got[1] != "a" {
		t.Errorf("the handler got %v, %v; want nil and a", got, err)
	}
}
