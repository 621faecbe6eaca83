package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// oddHeaders has a value of every type a field table can hold.
func oddHeaders() amqp.Table {
	return amqp.Table{
		"table": amqp.Table{"inner": amqp.Table{"n": int64(1)}, "empty": amqp.Table{}}, "decimal": amqp.Decimal{Scale: 2, Value: 31415},
		"timestamp": time.Unix(1_900_000_000, 0).UTC(), "void": nil, "bytes": []byte{0, 0xff, 'x'}, "no bytes": []byte{},
		"array": []any{int64(1), "two", nil, amqp.Table{"k": []any{int8(1)}}}, "yes": true, "no": false, "text": "\xff is no text", "": "no name",
		"int8": int8(-8), "uint8": uint8(8), "int16": int16(-16), "int32": int32(-32), "int64": int64(math.MinInt64),
		"float32": float32(1.5), "float64": math.MaxFloat64,
	}
}

// TestOddHeadersAreCarriedUnchanged is design §9, through a retry and into the
// dead-letter queue.
func TestOddHeadersAreCarriedUnchanged(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 2
		seen := make(chan message.Headers, 2)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error { seen <- m.Headers; return errBoom }))
		b.raw(amqp.Publishing{Headers: oddHeaders(), Body: []byte("body")})
		dead := b.deadLetter()
		for where, got := range map[string]message.Headers{"first attempt": <-seen, "second attempt": <-seen, "dead letter": message.Headers(dead.Headers)} {
			for name, want := range oddHeaders() {
				if at, ok := want.(time.Time); ok {
					if v, ok := got[name].(time.Time); !ok || !v.Equal(at) {
						t.Errorf("%s: %s is %v, want %v", where, name, got[name], at)
					}
					continue
				}
				if v, ok := got[name]; !ok || !reflect.DeepEqual(v, want) {
					t.Errorf("%s: %s is %#v, want %#v", where, name, v, want)
				}
			}
		}
	})
}

// raw publishes what a Publisher would not, and waits for the confirm.
func (b *bench) raw(p amqp.Publishing) {
	b.t.Helper()
	if err := b.channel.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	confirm, err := b.channel.PublishWithDeferredConfirmWithContext(b.t.Context(), b.exchange, "key", true, false, p)
	if err != nil {
		b.t.Fatal(err)
	}
	if ok, err := confirm.WaitContext(b.t.Context()); err != nil || !ok {
		b.t.Fatalf("confirm: %v, %v", ok, err)
	}
}

// TestHeadersThatLeaveNoRoomForTheRecord: a frame holds 128 KiB. First the record
// loses its large parts, and then the broker dead-letters the message as it is.
func TestHeadersThatLeaveNoRoomForTheRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		size   int
		policy error
		death  string // by the broker
	}{
		{"the record is slimmed for a dead letter", 121 << 10, retry.Permanent(errors.New(strings.Repeat("long ", 2000))), ""},
		{"the record is slimmed for a retry", 121 << 10, errors.New(strings.Repeat("long ", 2000)), ""},
		{"the broker dead-letters what cannot be copied", 126 << 10, retry.Permanent(errBoom), "rejected"},
		{"the broker dead-letters what cannot be retried", 126 << 10, errBoom, "rejected"},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Retry.MaxAttempts = 4
			b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				if m.Attempt == 1 && tt.death == "" {
					panic(tt.policy) // with a stack to slim
				}
				return tt.policy
			}))
			b.raw(amqp.Publishing{Headers: amqp.Table{"huge": strings.Repeat("h", tt.size)}, MessageId: "id-1", Body: []byte("body")})
			b.eventually("it is given up on", func() bool {
				s := b.settled()
				return len(s) > 0 && s[len(s)-1].Outcome.Verdict == worker.DeadLetter
			})
			d := b.deadLetter()
			h := message.Headers(d.Headers)
			if d.MessageId != "id-1" || string(d.Body) != "body" || len(h.String("huge")) != tt.size {
				t.Errorf("the dead letter is %q, %q, with %d bytes of headers", d.MessageId, d.Body, len(h.String("huge")))
			}
			if got := death(d); got != tt.death {
				t.Errorf("the broker says %q, want %q", got, tt.death)
			}
			if tt.death == "" && (h.String(record.HeaderReason) == "" || h.String(record.HeaderFingerprint) == "" || h.String(record.HeaderStack) != "") {
				t.Errorf("the record is %.2000v, want a reason and a fingerprint and no stack", without(h, "huge"))
			}
			if n := b.depth(b.queue.Name); n != 0 {
				t.Errorf("%d messages left, want none", n)
			}
		})
	}
}

func without(h message.Headers, name string) message.Headers {
	delete(h, name)
	return h
}

// TestForgedRecords: a publisher may send our own headers, and anything in them.
func TestForgedRecords(t *testing.T) {
	t.Parallel()
	const own = "(its own)" // stands for the name of the test's queue
	for _, tt := range []struct {
		name    string
		headers message.Headers
		attempt int
	}{
		{"a count that is no number", message.Headers{record.HeaderRetryCount: "many"}, 1},
		{"a count below zero", message.Headers{record.HeaderRetryCount: int64(-7)}, 1},
		{"a count beyond all numbers", message.Headers{record.HeaderRetryCount: int64(math.MaxInt64)}, 1<<30 + 1},
		{"a count of another queue", message.Headers{record.HeaderQueue: "other", record.HeaderRetryCount: int64(1)}, 1},
		{"values of odd types", message.Headers{
			record.HeaderQueue: own, record.HeaderHistory: []any{1.5}, record.HeaderFirstFailedAt: amqp.Table{},
			record.HeaderRetryCount: true, record.HeaderTrace: nil,
		}, 1},
		{"text that is none", message.Headers{
			record.HeaderQueue: own, record.HeaderHistory: "\xff", record.HeaderFirstFailedAt: "\xff\xfe",
			record.HeaderTrace: "00-\xff", "traceparent": "\xff",
		}, 1},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Retry.MaxAttempts = 1
			attempts := make(chan int, 1)
			b.run(handler.Func(func(_ context.Context, m *message.Message) error { attempts <- m.Attempt; return errBoom }))
			if tt.headers[record.HeaderQueue] == own {
				tt.headers[record.HeaderQueue] = b.queue.Name
			}
			b.raw(amqp.Publishing{Headers: amqp.Table(tt.headers)})
			if got := <-attempts; got != tt.attempt {
				t.Errorf("attempt %d, want %d", got, tt.attempt)
			}
			h := message.Headers(b.deadLetter().Headers)
			if q := h.String(record.HeaderQueue); q != b.queue.Name {
				t.Errorf("the record names queue %q", q)
			}
			if n, _ := h.Int(record.HeaderRetryCount); n != int64(tt.attempt-1) {
				t.Errorf("the retry count is %d, want %d", n, tt.attempt-1)
			}
			for _, name := range []string{record.HeaderFirstFailedAt, record.HeaderLastFailedAt} {
				if at, err := h.Time(name); err != nil || at.IsZero() {
					t.Errorf("%s is %v, %v; want a time", name, at, err)
				}
			}
			var history []any
			if err := json.Unmarshal([]byte(h.String(record.HeaderHistory)), &history); err != nil || len(history) != 1 {
				t.Errorf("history %v (%v), want this attempt alone", history, err)
			}
		})
	}
}

// TestTheRecordDescribesTheLatestAttempt, and of no other: not of an earlier panic,
// and not of what a publisher made up.
func TestTheRecordDescribesTheLatestAttempt(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 2
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				panic("first")
			}
			return errBoom
		}))
		b.raw(amqp.Publishing{Headers: amqp.Table{record.HeaderStack: "forged"}})
		h := message.Headers(b.deadLetter().Headers)
		if got := fmt.Sprint(h.String(record.HeaderReason), " ", h.String(record.HeaderError)); got != "error boom" {
			t.Errorf("the record says %q, want error boom", got)
		}
		if stack := h.String(record.HeaderStack); stack != "" {
			t.Errorf("an error has no stack, the record has\n%.100s…", stack)
		}
	})
}

// TestACopyHasNoUserID: RabbitMQ closes the channel of a client that publishes in the
// name of another user.
func TestACopyHasNoUserID(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.UserID != "guest" && m.Headers.String(record.HeaderUserID) != "guest" {
				return fmt.Errorf("user id %q", m.UserID)
			}
			return errBoom
		}))
		b.raw(amqp.Publishing{UserId: "guest"})
		d := b.deadLetter()
		if got := message.Headers(d.Headers).String(record.HeaderUserID); got != "guest" || d.UserId != "" {
			t.Errorf("the dead letter is of user %q, its header says %q; want none and guest", d.UserId, got)
		}
		if len(handOffFailures(b)) != 0 || !r.worker.Health().Ready {
			t.Errorf("failures to hand over: %v", handOffFailures(b))
		}
	})
}
