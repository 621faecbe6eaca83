package amqp_test

import (
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

// TestHeadersArriveAsGiven: a number is not cut short on its way, and a table may be
// written as any map.
func TestHeadersArriveAsGiven(t *testing.T) {
	t.Parallel()
	const large = 5_000_000_000 // does not fit into 32 bits
	tests := []struct {
		name  string
		value any
		want  func(h message.Headers) bool
	}{
		{"a small int", 5, func(h message.Headers) bool { n, ok := h.Int("v"); return ok && n == 5 }},
		{"a large int", large, func(h message.Headers) bool { n, ok := h.Int("v"); return ok && n == large }},
		{"a large negative int", -large, func(h message.Headers) bool { n, ok := h.Int("v"); return ok && n == -large }},
		{"a large int64", int64(large), func(h message.Headers) bool { n, ok := h.Int("v"); return ok && n == large }},
		{"an int in a list", []any{large}, func(h message.Headers) bool {
			list, _ := h["v"].([]any)
			return len(list) == 1 && list[0] == int64(large)
		}},
		{"a table of headers", message.Headers{"deep": "x"}, func(h message.Headers) bool { return h["v"] != nil }},
		{"a table as a plain map", map[string]any{"deep": "x"}, func(h message.Headers) bool { return h["v"] != nil }},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			url := rabbit.URL(t)
			exchange, queue, ch := exchangeWithQueue(t, url, nil)
			p := publisher(t, amqp.Config{URL: url}, exchange)
			if err := p.Publish(t.Context(), "in", 1, broker.WithHeader("v", tt.value)); err != nil {
				t.Fatal(err)
			}
			d, ok, err := ch.Get(queue, true)
			if err != nil || !ok {
				t.Fatalf("get: %v, %v", ok, err)
			}
			if h := message.Headers(d.Headers); !tt.want(h) {
				t.Errorf("%v arrived as %v", tt.value, h["v"])
			}
		})
	}
}
