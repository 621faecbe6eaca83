package handler_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/warren-mq/warren/handler"
)

func TestCodecsAccept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind string
		want       bool
	}{
		{"the registered type", "application/json", true},
		{"the old type", "text/json", true},
		{"a structured suffix", "application/cloudevents+json", true},
		{"a suffix of any kind", "image/x+json", true},
		{"parameters ignored", "application/json; charset=utf-8", true},
		{"any case and spaces", " Application/JSON ;q=1", true},
		{"not a type without a slash", "json", false},
		{"not a suffix without a slash", "+json", false},
		{"not a prefix", "application/json5", false},
		{"not another type", "text/plain", false},
		{"not a type in the parameters", "text/plain; application/json", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := handler.JSON().Accepts(tt.kind); got != tt.want {
				t.Errorf("JSON accepts %q: %v, want %v", tt.kind, got, tt.want)
			}
			if !handler.Raw().Accepts(tt.kind) {
				t.Errorf("Raw does not accept %q", tt.kind)
			}
		})
	}
}

func TestCodecsMarshal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		codec handler.Codec
		value any
		want  string // the body, or the error's text
	}{
		{"JSON of a struct", handler.JSON(), signedUp{Email: "a"}, `{"email":"a","age":0}`},
		{"JSON of what has none", handler.JSON(), math.NaN(), "handler: json: unsupported value: NaN"},
		{"raw bytes", handler.Raw(), []byte("\xff"), "\xff"},
		{"a raw string", handler.Raw(), "x", "x"},
		{"raw bytes of a named type", handler.Raw(), json.RawMessage("{}"), "{}"},
		{"raw anything else", handler.Raw(), 1, "handler: raw value is a int, want bytes or a string"},
		{"raw nothing", handler.Raw(), nil, "handler: raw value is a <nil>, want bytes or a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data, err := tt.codec.Marshal(tt.value)
			got := string(data)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
