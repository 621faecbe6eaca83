package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

func TestDeadLetterListsItsAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(q *worker.Queue) { q.Retry.MaxAttempts = 3 })
	began := time.Now()
	b.fail(1, func(_ context.Context, m *message.Message) error {
		if m.Attempt == 3 {
			panic("out of cards")
		}
		return errors.New("card 7 was declined")
	}, numbered)
	l := b.only()
	if l.ID != "letter-0" || l.Queue != b.dlq || l.WorkQueue != b.queue.Name || l.Reason != message.ReasonPanic || l.Attempts != 3 ||
		!strings.Contains(l.Error, "out of cards") || !strings.Contains(l.Stack, "letter_test.go") || l.Handler != "#" || l.Fingerprint == "" {
		t.Errorf("the dead letter is %+v", l)
	}
	if m := l.Message; m.Exchange != b.queue.Exchange || m.RoutingKey != "user.signed_up" || string(m.Body) != `{"n":0}` || m.Headers.String("tenant") != "blue" {
		t.Errorf("its message is %+v", m)
	}
	if len(l.History) != 3 || l.History[0].Number != 1 || l.History[0].Error != "card 7 was declined" || l.History[2].Reason != message.ReasonPanic {
		t.Errorf("its history is %+v", l.History)
	}
	if l.FirstFailedAt.Before(began) || !l.FirstFailedAt.Before(l.FailedAt) || l.FailedAt.After(time.Now()) || l.Malformed != nil {
		t.Errorf("it failed from %v to %v; malformed: %v", l.FirstFailedAt, l.FailedAt, l.Malformed)
	}
}

// TestDeadLettersMadeByTheBroker reads messages that have x-death and no failure record.
func TestDeadLettersMadeByTheBroker(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		queue        func(*worker.Queue)
		die          func(t *testing.T, b *bench)
	}{
		{"waited too long", "expired", func(q *worker.Queue) { q.MessageTTL = 50 * time.Millisecond }, func(*testing.T, *bench) {}},
		{"was rejected", "rejected", func(*worker.Queue) {}, func(t *testing.T, b *bench) {
			d := take(t, b, b.channel)
			if err := d.Reject(false); err != nil {
				t.Error(err)
			}
		}},
		{"killed its workers", "delivery_limit", func(q *worker.Queue) { q.DeliveryLimit = 1 }, func(t *testing.T, b *bench) {
			for range 2 {
				ch := rabbit.Channel(t, b.cfg.URL)
				take(t, b, ch)
				if err := ch.Close(); err != nil {
					t.Error(err)
				}
			}
		}},
		{"was one too many", "maxlen", func(q *worker.Queue) {
			q.MaxLength, q.Arguments = 1, message.Headers{"x-overflow": "drop-head", "x-dead-letter-strategy": "at-most-once"}
		}, func(t *testing.T, b *bench) {
			if err := b.pub.Publish(t.Context(), "later", 2); err != nil {
				t.Error(err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, tt.queue)
			if err := b.pub.Publish(t.Context(), "user.signed_up", 1, broker.WithMessageID("m"), broker.WithHeader("tenant", "blue")); err != nil {
				t.Fatal(err)
			}
			tt.die(t, b)
			b.eventually("it is a dead letter", func() bool { return b.depth(b.dlq) == 1 })
			l := b.only()
			if l.Reason != tt.reason || l.WorkQueue != b.queue.Name || l.ID != "m" || len(l.Fingerprint) != 16 || !strings.Contains(l.Error, "dead-lettered by the broker") {
				t.Errorf("the dead letter is %+v", l)
			}
			if l.Message.Exchange != b.queue.Exchange || l.Message.RoutingKey != "user.signed_up" || l.Message.Headers.String("tenant") != "blue" {
				t.Errorf("its message is %+v", l.Message)
			}
			if age := time.Since(l.FailedAt); age < -time.Second || age > patience || len(l.History) != 1 {
				t.Errorf("it failed %v ago with the history %+v", age, l.History)
			}
		})
	}
}

func take(t *testing.T, b *bench, ch *amqp.Channel) (d amqp.Delivery) {
	t.Helper()
	b.eventually("there is a message", func() bool {
		got, ok, err := ch.Get(b.queue.Name, false)
		if err != nil {
			t.Fatal(err)
		}
		d = got
		return ok
	})
	return d
}

func TestWhatOthersPutIntoTheQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(amqp.Publishing{Body: []byte("hello")})
	b.put(amqp.Publishing{Body: []byte("hello"), MessageId: "known", Headers: amqp.Table{
		record.HeaderQueue: "another-queue", record.HeaderReason: "permanent", record.HeaderError: "failed there",
	}})
	all := b.read()
	for i, want := range []deadletter.DeadLetter{
		{Reason: "unknown", WorkQueue: b.queue.Name},
		{Reason: "permanent", WorkQueue: "another-queue", Error: "failed there"},
	} {
		if l := all[i]; l.Reason != want.Reason || l.Error != want.Error || l.WorkQueue != want.WorkQueue || l.Message.RoutingKey != want.WorkQueue || !l.FailedAt.IsZero() {
			t.Errorf("the dead letter is %+v, want %+v", l, want)
		}
	}
	if len(all) != 2 || !strings.HasPrefix(all[0].ID, "~") || all[1].ID != "known" {
		t.Errorf("the ids are %q", ids(all))
	}
	if l, err := b.client.Find(t.Context(), b.dlq, all[0].ID); err != nil || string(l.Message.Body) != "hello" {
		t.Errorf("found %+v, %v by its made-up id", l, err)
	}
}

func TestMalformedRecord(t *testing.T) {
	t.Parallel()
	h := message.Headers{
		record.HeaderQueue: "work", record.HeaderReason: int32(7), record.HeaderError: nil, record.HeaderFirstFailedAt: "yesterday",
		record.HeaderLastFailedAt: time.Unix(1_700_000_000, 0), record.HeaderAttempt: "three", record.HeaderHistory: "[{]",
		record.HeaderRetryCount: []any{}, record.HeaderRoutingKey: []byte("user.deleted"), "x-death": []any{"nonsense"}, "x-delivery-count": int64(4),
	}
	l := deadletter.Decode("work.dlq", message.Message{ID: "m", Headers: h})
	if l.Reason != "unknown" || l.Fingerprint == "" || l.FailedAt.Unix() != 1_700_000_000 || l.Attempts != 0 || l.Message.RoutingKey != "user.deleted" {
		t.Errorf("the dead letter is %+v", l)
	}
	var names []string
	for _, m := range l.Malformed {
		name, _, _ := strings.Cut(m, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{record.HeaderAttempt, record.HeaderFirstFailedAt, record.HeaderHistory, record.HeaderReason}
	if slices.Sort(want); !slices.Equal(names, want) {
		t.Errorf("malformed are %q, want %q", l.Malformed, want)
	}
	if _, counts := l.Message.Headers["x-delivery-count"]; counts || h["x-delivery-count"] == nil {
		t.Error("the count of looks is part of the dead letter, or was removed from what the caller owns")
	}
}

// TestTheRecordIsBoundedWhateverAPublisherWrites: readers keep its texts for many dead letters.
func TestTheRecordIsBoundedWhateverAPublisherWrites(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for name, h := range map[string]message.Headers{
		"by the record": {
			record.HeaderQueue: "q", record.HeaderReason: long, record.HeaderError: long, record.HeaderErrorType: long, record.HeaderFingerprint: long,
			record.HeaderStack: long, record.HeaderHandler: long, record.HeaderHost: long, record.HeaderReplayedBy: long, record.HeaderEditedFrom: long,
			record.HeaderExchange: long, record.HeaderRoutingKey: long, record.HeaderHistory: `[{"error":"` + long + `"}]`,
		},
		"by the name of the queue": {record.HeaderQueue: long},
		"by x-death":               {"x-death": []any{amqp.Table{"queue": long, "reason": long, "exchange": long, "routing-keys": []any{long}}}},
		"by one text of x-death":   {"x-death": []any{amqp.Table{"queue": "q", "reason": "expired", "routing-keys": []any{long}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := deadletter.Decode("q.dlq", message.Message{Headers: h, RoutingKey: "q.dlq"})
			l.Message.Headers = nil
			if size := len(fmt.Sprintf("%+v", l)); size > 16<<10 || len(l.Fingerprint) > 64 || l.WorkQueue != "q" || l.Message.RoutingKey != "q" {
				t.Errorf("the dead letter has %d bytes, the fingerprint %d, the queue is %.20q and the key %.20q", size, len(l.Fingerprint), l.WorkQueue, l.Message.RoutingKey)
			}
			if broken := strings.Join(l.Malformed, " "); h[record.HeaderFingerprint] != nil && !strings.Contains(broken, record.HeaderFingerprint) {
				t.Errorf("malformed are %q, want the fingerprint", broken)
			}
		})
	}
}

func TestWorkQueueOfADeadLetter(t *testing.T) {
	t.Parallel()
	death := func(queues ...string) message.Headers {
		var deaths []any
		for _, q := range queues {
			deaths = append(deaths, amqp.Table{"queue": q, "reason": "expired", "exchange": "e", "routing-keys": []any{"k"}})
		}
		return message.Headers{"x-death": deaths, record.HeaderQueue: "recorded"}
	}
	recorded := message.Headers{record.HeaderQueue: "recorded"}
	tests := []struct {
		name, dlq, want string
		headers         message.Headers
	}{
		{"without headers, the name of the dead-letter queue tells", "work.dlq", "work", nil},
		{"the worker's record tells, since queues may share a dead-letter queue", "all.dlq", "recorded", recorded},
		{"x-death is later than the record", "all.dlq", "died", death("died")},
		{"the same in a dead-letter queue with another name", "graveyard", "died", death("died")},
		{"a death in a parking queue counts for its work queue", "all.dlq", "died", death("died.delay")},
		{"a death in the parking queue of an exchange tells no work queue", "all.dlq", "recorded", death("warren.delayed.events")},
		{"a death in the dead-letter queue is left out", "all.dlq", "died", death("all.dlq", "died")},
		{"a death in a partition counts for its queue", "all.dlq", "recorded", death("recorded.partition.63")},
		{"a death in a partition of another queue is left as it is", "all.dlq", "died.partition.3", death("died.partition.3")},
		{"another name and no headers tell no queue", "graveyard", "", nil},
		{"it is never the dead-letter queue itself", "recorded", "", recorded},
		{"a suffix alone is no name", ".dlq", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := deadletter.Decode(tt.dlq, message.Message{Headers: tt.headers}).WorkQueue; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzDecode checks that decode panics on no message and changes none.
func FuzzDecode(f *testing.F) {
	f.Add("work.dlq", "work", "permanent", "2026-01-02T03:04:05Z", `[{"attempt":1,"at":"2026-01-02T03:04:05Z"}]`, int64(1), []byte("body"))
	f.Add("", "", "", "x", `[{"attempt":"1"}]`, int64(-1), []byte(nil))
	f.Fuzz(func(t *testing.T, dlq, queue, text, at, history string, n int64, body []byte) {
		h := message.Headers{
			record.HeaderQueue: queue, record.HeaderReason: text, record.HeaderError: body, record.HeaderFirstFailedAt: at,
			record.HeaderLastFailedAt: n, record.HeaderHistory: history, record.HeaderAttempt: n, record.HeaderRoutingKey: text,
			"x-death": []any{amqp.Table{"queue": queue, "reason": text, "count": n, "routing-keys": []any{text, n}}, text},
		}
		m := message.Message{ID: text, Body: body, Headers: h, RoutingKey: queue}
		l := deadletter.Decode(dlq, m)
		if l.ID == "" || l.Reason == "" || l.Fingerprint == "" || l.Attempts < 0 || len(l.History) > 101 {
			t.Errorf("the dead letter is %+v", l)
		}
		if again := deadletter.Decode(dlq, m); !reflect.DeepEqual(again, l) {
			t.Errorf("first %+v\nthen %+v", l, again)
		}
	})
}
