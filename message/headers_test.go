package message_test

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/message"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
	h := message.Headers{
		"text": "a", "bytes": []byte("b"), "small": int8(-3), "large": int64(1 << 40), "float": 1.5,
		"stamp": at, "written": at.Format(time.RFC3339), "wrong": "yesterday", "empty": "",
		"encoded": []byte(at.Format(time.RFC3339)), "wrong bytes": []byte("yesterday"),
	}
	if got := h.String("text") + h.String("bytes") + h.String("small") + h.String("none"); got != "ab" {
		t.Errorf("texts %q, want ab", got)
	}
	for name, want := range map[string]int64{"small": -3, "large": 1 << 40} {
		if n, ok := h.Int(name); !ok || n != want {
			t.Errorf("%s is %d, %v; want %d", name, n, ok, want)
		}
	}
	if _, ok := h.Int("float"); ok {
		t.Error("Int accepts a float, want false")
	}
	if !h.IsText("empty") || h.IsText("none") || h.IsText("small") {
		t.Error("IsText is wrong")
	}
	for _, name := range []string{"stamp", "written", "encoded"} {
		if got, err := h.Time(name); err != nil || !got.Equal(at) {
			t.Errorf("%s is %v, %v; want %v", name, got, err, at)
		}
	}
	for _, name := range []string{"wrong", "wrong bytes", "small"} {
		if _, err := h.Time(name); err == nil {
			t.Errorf("Time accepts %s, want an error", name)
		}
	}
	if got, err := h.Time("none"); err != nil || !got.IsZero() {
		t.Errorf("a missing time is %v, %v; want the zero time", got, err)
	}
}

func TestFromContextIsNeverNil(t *testing.T) {
	t.Parallel()
	if m := message.FromContext(t.Context()); m == nil || m.ID != "" {
		t.Errorf("outside a worker the message is %+v, want an empty one", m)
	}
	c := &message.Context{Context: t.Context(), Message: message.Message{ID: "1"}}
	inner, cancel := context.WithCancel(c)
	defer cancel()
	if id := message.FromContext(inner).ID; id != "1" {
		t.Errorf("message %q, want 1", id)
	}
}
