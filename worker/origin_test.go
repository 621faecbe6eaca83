package worker_test

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// TestEmptyRoutingKeysAndExchangesAreKept through a retry and into the dead-letter queue:
// a plain fanout publish has no routing key, and the default exchange has no name.
func TestEmptyRoutingKeysAndExchangesAreKept(t *testing.T) {
	t.Parallel()
	type origin struct{ exchange, key string }
	for _, tt := range []struct {
		name    string
		prepare func(b *bench) origin
	}{
		{"an empty routing key on a fanout exchange", func(b *bench) origin {
			b.queue.ExchangeKind = "fanout"
			return origin{b.exchange, ""}
		}},
		{"an empty routing key on a topic exchange", func(b *bench) origin { return origin{b.exchange, ""} }},
		{"the default exchange", func(b *bench) origin { return origin{"", b.queue.Name} }},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Retry.MaxAttempts = 2
			want := tt.prepare(b)
			seen := make(chan origin, 2)
			b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				seen <- origin{m.Exchange, m.RoutingKey}
				return errBoom
			}))
			if err := b.channel.PublishWithContext(t.Context(), want.exchange, want.key, true, false, amqp.Publishing{}); err != nil {
				t.Fatal(err)
			}
			dead := message.Headers(b.deadLetter().Headers)
			for _, attempt := range []string{"first", "second"} {
				if got := <-seen; got != want {
					t.Errorf("the %s attempt got %+v, want %+v", attempt, got, want)
				}
			}
			for name, value := range map[string]string{record.HeaderExchange: want.exchange, record.HeaderRoutingKey: want.key} {
				if got, ok := dead[name]; !ok || got != value {
					t.Errorf("the dead letter's %s is %v (there: %v), want %q", name, got, ok, value)
				}
			}
		})
	}
}
