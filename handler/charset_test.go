package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// greeting decodes a message into a text.
func greeting(contentType, body string, opts ...handler.Option) (text string, err error) {
	h := handler.Typed(func(_ context.Context, s string) error { text = s; return nil }, opts...)
	err = h.Handle(context.Background(), &message.Message{ContentType: contentType, Body: []byte(body)})
	return text, err
}

func TestBodiesAreDecodedByTheirCharset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"no charset is UTF-8", "application/json", `"café"`, "café"},
		{"UTF-8 in any case", "application/json; charset=UTF-8", `"café"`, "café"},
		{"UTF-8 in quotes", `application/json; charset="utf-8"`, `"café"`, "café"},
		{"a byte order mark", "application/json", "\xef\xbb\xbf" + `"café"`, "café"},
		{"a byte order mark without a content type", "", "\xef\xbb\xbf" + `"café"`, "café"},
		{"US-ASCII", "application/json; charset=us-ascii", `"cafe"`, "cafe"},
		{"ISO-8859-1", "application/json; charset=iso-8859-1", "\"caf\xe9\"", "café"},
		{"latin1", "text/json; charset=Latin1", "\"caf\xe9\"", "café"},
		{"UTF-16, big-endian without a mark", "application/json; charset=utf-16", "\x00\"\x00\xe9\x00\"", "é"},
		{"UTF-16 with a little-endian mark", "application/json; charset=utf-16", "\xff\xfe\"\x00\xe9\x00\"\x00", "é"},
		{"UTF-16LE with a surrogate pair", "application/json; charset=utf-16le", "\"\x00\x3d\xd8\x00\xde\"\x00", "😀"},
		{"a parameter that cannot be read", "application/json; charset", `"café"`, "café"},
		{"ISO-8859-1 before a parameter that cannot be read", "application/json; charset=iso-8859-1; =", "\"caf\xe9\"", "café"},
		{"ISO-8859-1 declared twice", `application/json; Charset="iso-8859-1"; charset=iso-8859-1`, "\"caf\xe9\"", "café"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := greeting(tt.contentType, tt.body); err != nil || got != tt.want {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestTextThatCannotBeDecodedIsADecodeError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, contentType, body, want string }{
		{"a charset that is not supported is named", "application/json; charset=windows-1251", `"x"`, `charset "windows-1251" is not supported`},
		{"a charset is named beside a parameter that cannot be read", "application/json; v 1; charset=utf-7", `"+AOk-"`, `charset "utf-7" is not supported`},
		{"bytes that are not UTF-8", "application/json", "\"caf\xe9\"", "at byte 4 of 6: the body is not UTF-8"},
		{"an odd number of bytes in UTF-16", "application/json; charset=utf-16", "\x00\"\x00", "even number"},
		{"half a surrogate pair at the end", "application/json; charset=utf-16be", "\xd8\x3d", "surrogate"},
		{"half a surrogate pair before a letter", "application/json; charset=utf-16be", "\xd8\x3d\x00x", "surrogate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := greeting(tt.contentType, tt.body)
			if _, ok := errors.AsType[*handler.DecodeError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a *DecodeError with %q", err, tt.want)
			}
		})
	}
}

func TestLenientContentTypes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/plain", "application/octet-stream", "text/plain; charset=iso-8859-1"} {
		if _, err := greeting(contentType, `"x"`); err == nil {
			t.Errorf("%s is decoded as JSON without the option", contentType)
		}
		if got, err := greeting(contentType, `"x"`, handler.WithLenientContentType()); err != nil || got != "x" {
			t.Errorf("%s: got %q and %v, want x", contentType, got, err)
		}
	}
}

// TestOtherCodecsGetTheBodyAsItIs: only text is converted.
func TestOtherCodecsGetTheBodyAsItIs(t *testing.T) {
	t.Parallel()
	body := "\xef\xbb\xbfcaf\xe9"
	if got, err := greeting("text/plain; charset=iso-8859-1", body, handler.WithCodec(handler.Raw())); err != nil || got != body {
		t.Errorf("got %q and %v, want %q", got, err, body)
	}
}

// FuzzCharset: whatever the charset and the bytes, what a handler sees is UTF-8.
func FuzzCharset(f *testing.F) {
	for _, charset := range []string{"", "utf-8", "iso-8859-1", "utf-16", "utf-16le", "utf-16be", "koi8-r"} {
		f.Add(charset, []byte("\"caf\xe9\""))
		f.Add(charset, []byte("\xff\xfe\"\x00\x3d\xd8\"\x00"))
	}
	f.Fuzz(func(t *testing.T, charset string, body []byte) {
		var got json.RawMessage
		h := handler.Typed(func(_ context.Context, v json.RawMessage) error { got = v; return nil })
		m := &message.Message{ContentType: "application/json; charset=" + charset, Body: body}
		if err := h.Handle(t.Context(), m); err == nil && !utf8.Valid(got) {
			t.Errorf("the handler got %q, which is not UTF-8", got)
		}
	})
}
