package ladder

import (
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
)

// TestDueTimes checks when a message of level 10 (102.4 s) would have left the ladder. Its
// delay is 102.4 s + 0.1 s.
func TestDueTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	const delay = 102500 * time.Millisecond
	failed := func(ago time.Duration) amqp091.Table {
		return amqp091.Table{record.HeaderQueue: "q", record.HeaderLastFailedAt: now.Add(-ago).Format(time.RFC3339Nano)}
	}
	left := func(queue string, ago time.Duration) amqp091.Table {
		h := failed(ago + time.Hour)
		h["x-death"] = []any{amqp091.Table{"queue": queue, "time": now.Add(-ago)}}
		return h
	}
	for _, tt := range []struct {
		name string
		d    amqp091.Delivery
		want time.Duration // from now
	}{
		{"a retry counts from its failure", amqp091.Delivery{Headers: failed(40 * time.Second)}, delay - 40*time.Second},
		{"a retry that is late is due at once", amqp091.Delivery{Headers: failed(104 * time.Second)}, delay - 104*time.Second},
		{"a snoozed message counts from now", amqp091.Delivery{Headers: amqp091.Table{record.HeaderQueue: "q"}, Timestamp: now.Add(-time.Minute)}, delay},
		{"a failure before the previous delay does not count", amqp091.Delivery{Headers: failed(time.Hour)}, delay},
		{"a delayed message counts from the end of its second", amqp091.Delivery{Timestamp: now.Add(-40 * time.Second)}, delay - 39*time.Second},
		{"a timestamp in the future does not count", amqp091.Delivery{Timestamp: now.Add(time.Minute)}, delay},
		{"a message without a timestamp counts from now", amqp091.Delivery{}, delay},
		{"a message from a higher level counts from its end", amqp091.Delivery{Headers: left(Level(12), 50*time.Second)}, delay - 49*time.Second},
		{"a death in another queue does not count", amqp091.Delivery{Headers: left("q", 50*time.Second)}, delay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			times := dueTimes{level: 10}
			if due := times.of(&tt.d, route{steps: 1<<20 | 1<<10 | 1}, now); !due.Equal(now.Add(tt.want)) {
				t.Errorf("it is due in %v, want %v", due.Sub(now), tt.want)
			}
		})
	}
}

// TestDueTimesKeepTheOrder: a message cannot have entered a level before the message ahead
// of it.
func TestDueTimesKeepTheOrder(t *testing.T) {
	t.Parallel()
	now := time.Now()
	times := dueTimes{level: 10}
	for _, ago := range []time.Duration{20 * time.Second, 40 * time.Second} {
		d := amqp091.Delivery{Timestamp: now.Add(-ago - second)}
		if due := times.of(&d, route{steps: 1 << 10}, now); !due.Equal(now.Add(82400 * time.Millisecond)) {
			t.Errorf("a message that is %v old is due in %v, want 82.4s", ago, due.Sub(now))
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const zeros = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	for key, want := range map[string]route{
		zeros + "1.0.welcome.email":              {2, "welcome.email"},
		"1" + zeros[1:] + "0.1.warren.delay.to.": {1<<22 | 1, "warren.delay.to."},
		zeros + "1.2.email":                      {},
		zeros + "1.0.":                           {},
		"user.signed_up":                         {},
	} {
		if got, ok := parse(key); ok != (want.queue != "") || ok && got != want {
			t.Errorf("parse(%q) = %v, %v, want %v", key, got, ok, want)
		}
	}
}
