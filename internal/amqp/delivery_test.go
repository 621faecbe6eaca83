package amqp_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// fill is raw as a consumer of the queue email hands it on.
func fill(raw amqp091.Delivery) message.Message {
	var m message.Message
	amqp.NewDelivery("email", raw).Fill(&m)
	return m
}

// TestFillCountsAttempts feeds in the headers of our own copies, and forged ones.
func TestFillCountsAttempts(t *testing.T) {
	t.Parallel()
	retries := func(v any) amqp091.Table { return amqp091.Table{record.HeaderRetryCount: v} }
	died := func(recorded, queue string) amqp091.Table {
		death := amqp091.Table{"queue": queue, "reason": "delivery_limit"}
		return amqp091.Table{record.HeaderRetryCount: int32(3), record.HeaderAttempt: int32(3), record.HeaderQueue: recorded, "x-death": []any{death}}
	}
	tests := []struct {
		name    string
		headers amqp091.Table
		want    int
	}{
		{"a first delivery", nil, 1},
		{"a first retry", retries(int64(1)), 2},
		{"a retry recorded on this queue", amqp091.Table{record.HeaderRetryCount: int32(4), record.HeaderQueue: "email"}, 5},
		{"a record of another queue", amqp091.Table{record.HeaderRetryCount: int32(4), record.HeaderQueue: "sms"}, 1},
		{"a queue's name as bytes", amqp091.Table{record.HeaderRetryCount: int32(4), record.HeaderQueue: []byte("email")}, 5},
		{"another queue's name as bytes", amqp091.Table{record.HeaderRetryCount: int32(4), record.HeaderQueue: []byte("sms")}, 1},
		{"a queue's name that is no text", amqp091.Table{record.HeaderRetryCount: int32(4), record.HeaderQueue: int64(7)}, 5},
		{"what the broker dead-lettered from the queue, moved back by hand", died("email", "email"), 1},
		{"the same from a partition of the queue", died("email", "email.partition.11"), 1},
		{"what the broker dead-lettered from a queue with a similar name", died("email", "email.partition.x"), 4},
		{"a narrow integer", retries(int8(3)), 4},
		{"an unsigned integer", retries(uint32(3)), 4},
		{"zero", retries(int64(0)), 1},
		{"less than nothing", retries(int64(-5)), 1},
		{"the least there is", retries(int64(math.MinInt64)), 1},
		{"more than any count", retries(int64(math.MaxInt64)), 1<<30 + 1},
		{"text", retries("3"), 1},
		{"a float", retries(3.0), 1},
		{"a list", retries([]any{int64(3)}), 1},
		{"nothing", retries(nil), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fill(amqp091.Delivery{Headers: tt.headers}).Attempt; got != tt.want {
				t.Errorf("attempt %d, want %d", got, tt.want)
			}
		})
	}
}

// TestFillRestoresTheAddress: a handler sees the exchange and the key of the first
// publish, not of the way back.
func TestFillRestoresTheAddress(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		headers       amqp091.Table
		exchange, key string
	}{
		{"a first delivery has its own", nil, "warren.delay.out", "1.0.email"},
		{"a copy has the first", amqp091.Table{record.HeaderExchange: "events", record.HeaderRoutingKey: "user.signed_up"}, "events", "user.signed_up"},
		{"the default exchange has no name", amqp091.Table{record.HeaderRoutingKey: "email"}, "", "email"},
		{"an empty key is a key", amqp091.Table{record.HeaderExchange: "fan", record.HeaderRoutingKey: ""}, "fan", ""},
		{"bytes are text", amqp091.Table{record.HeaderExchange: []byte("events"), record.HeaderRoutingKey: []byte("k")}, "events", "k"},
		{"another queue's record says nothing", amqp091.Table{record.HeaderQueue: "sms", record.HeaderExchange: "events", record.HeaderRoutingKey: "k"}, "warren.delay.out", "1.0.email"},
		{"an exchange alone says nothing", amqp091.Table{record.HeaderExchange: "events"}, "warren.delay.out", "1.0.email"},
		{"a key that is no text says nothing", amqp091.Table{record.HeaderExchange: "events", record.HeaderRoutingKey: int64(5)}, "warren.delay.out", "1.0.email"},
		{"no key says nothing", amqp091.Table{record.HeaderExchange: "events", record.HeaderRoutingKey: nil}, "warren.delay.out", "1.0.email"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := fill(amqp091.Delivery{Exchange: "warren.delay.out", RoutingKey: "1.0.email", Headers: tt.headers})
			if m.Exchange != tt.exchange || m.RoutingKey != tt.key {
				t.Errorf("exchange %q and key %q, want %q and %q", m.Exchange, m.RoutingKey, tt.exchange, tt.key)
			}
		})
	}
}

// TestFillKeepsTheRest compares every field, and the headers as they came.
func TestFillKeepsTheRest(t *testing.T) {
	t.Parallel()
	headers := amqp091.Table(oddHeaders())
	headers["x-delivery-count"] = int64(2)
	raw := amqp091.Delivery{
		Headers: headers, ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: amqp091.Transient, Priority: 9,
		CorrelationId: "corr", ReplyTo: "reply", Expiration: "5000", MessageId: "id", Timestamp: time.Unix(1_700_000_000, 0),
		Type: "signed-up", UserId: "guest", AppId: "app", Redelivered: true, Exchange: "events", RoutingKey: "k", Body: []byte{0, 255},
	}
	want := message.Message{
		ID: "id", Body: []byte{0, 255}, Headers: message.Headers(headers), ContentType: "application/json", ContentEncoding: "gzip",
		Type: "signed-up", CorrelationID: "corr", ReplyTo: "reply", Expiration: "5000", UserID: "guest", AppID: "app",
		Timestamp: time.Unix(1_700_000_000, 0), Priority: 9, Transient: true,
		Exchange: "events", RoutingKey: "k", Queue: "email", Attempt: 1, Redelivered: true, DeliveryCount: 2,
	}
	if got := fill(raw); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

// TestFillDeletesItsQueues: the same message is filled again and again.
func TestFillDeletesItsQueues(t *testing.T) {
	t.Parallel()
	m := message.Message{ID: "old", Attempt: 9, DeliveryCount: 4, Redelivered: true, Transient: true, Headers: message.Headers{"old": true}}
	amqp.NewDelivery("email", amqp091.Delivery{}).Fill(&m)
	if want := (message.Message{Queue: "email", Attempt: 1}); !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
}

// FuzzFill takes any headers a publisher may forge.
func FuzzFill(f *testing.F) {
	f.Add(int64(1), int64(0), "email", "k")
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), "sms", "")
	f.Add(int64(math.MinInt64), int64(-1), "", "k")
	f.Fuzz(func(t *testing.T, retries, deliveries int64, queue, key string) {
		m := fill(amqp091.Delivery{Headers: amqp091.Table{
			record.HeaderRetryCount: retries, "x-delivery-count": deliveries, record.HeaderQueue: queue, record.HeaderRoutingKey: key,
		}})
		if m.Attempt < 1 || m.Attempt > 1<<30+1 || m.Queue != "email" || m.DeliveryCount < 0 {
			t.Errorf("attempt %d, delivery count %d, queue %q", m.Attempt, m.DeliveryCount, m.Queue)
		}
	})
}

func oddHeaders() message.Headers {
	return message.Headers{
		"nothing": nil, "yes": true, "bytes": []byte{0, 255}, "float": 1.5, "small": int8(-1), "decimal": amqp091.Decimal{Scale: 2, Value: 7},
		"at": time.Unix(1, 0), "list": []any{"a", int32(2)}, "table": amqp091.Table{"deep": amqp091.Table{"er": uint16(9)}},
	}
}
