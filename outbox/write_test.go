package outbox_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/outbox"
)

func TestWhatWasCommittedIsPublishedAndNothingElse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
		}))
		at := time.Unix(1700000000, 0)
		write(ctx, t, s, false, outbox.Message{Key: name, ID: "undone", Body: 1})
		write(ctx, t, s, true, outbox.Message{
			Key: name, ID: "full", Aggregate: "a", Body: []byte{0, 0xff, 1}, ContentType: "image/x", Type: "picture", CorrelationID: "c",
			ReplyTo: "r", AppID: "app", Expiration: time.Hour, Timestamp: at, Priority: 7,
			Headers: message.Headers{"tenant": "blue", "n": int32(7), "raw": []byte{0xff}},
		}, outbox.Message{Key: name, Aggregate: "a", Body: map[string]int{"a": 1}}, outbox.Message{Key: name, Aggregate: "a", Body: []byte(nil)})
		r := s.relay(t, url)
		got.await(t, 3)
		r.drained()
		all := got.list()
		full, plain, empty := all[0], all[1], all[2]
		if full.MessageId != "full" || string(full.Body) != "\x00\xff\x01" || full.ContentType != "image/x" ||
			full.Type != "picture" || full.CorrelationId != "c" || full.ReplyTo != "r" || full.AppId != "app" ||
			full.Expiration != "3600000" || !full.Timestamp.Equal(at) || full.Priority != 7 || full.DeliveryMode != 2 {
			t.Errorf("the full message came as %+v", full)
		}
		raw, _ := full.Headers["raw"].([]byte)
		if h := full.Headers; h["tenant"] != "blue" || h["n"] != int32(7) || string(raw) != "\xff" ||
			h["traceparent"] != "00-01000000000000000000000000000000-0200000000000000-01" {
			t.Errorf("its headers came as %v", h)
		}
		if string(plain.Body) != `{"a":1}` || plain.ContentType != "application/json" || len(plain.MessageId) != 36 || plain.Timestamp.IsZero() {
			t.Errorf("the plain message came as %+v", plain)
		}
		if len(empty.Body) != 0 || len(all) != 3 {
			t.Errorf("%d messages, the last %+v; want 3, the last empty", len(all), empty)
		}
	})
}

// A handler may pass on the headers of its message, which may be a retry or a replayed dead letter.
func TestHeadersOfAnotherMessageDoNotMisrouteTheNewOne(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	name, got := queue(t, rabbit.URL(t))
	headers := message.Headers{
		"warren-queue": name, "warren-exchange": "", "warren-routing-key": "old", "warren-retry-count": int64(4),
		"warren-deadline": int64(1), "warren-checkpoint": "row 7", "warren-due": "2000-01-01T00:00:00Z", "x-delivery-count": int64(3), "mine": int32(1),
	}
	s.write(t, outbox.Message{Key: name, Body: 1, Headers: headers})
	tx, err := s.BeginTx(t.Context(), nil)
	check(t, err)
	_, err = outbox.Group{Dialect: s.dialect, ID: "g"}.Open(t.Context(), tx, 0, outbox.Message{Key: name, Body: 2, Headers: headers})
	check(t, errors.Join(err, tx.Commit()))
	s.relay(t, rabbit.URL(t))
	got.await(t, 2)
	for _, d := range got.list() {
		for _, header := range slices.Sorted(maps.Keys(headers)) {
			if value, kept := d.Headers[header]; kept != (header == "mine") {
				t.Errorf("message %s has the header %s: %v", d.Body, header, value)
			}
		}
	}
}

// write writes messages in a transaction, which it commits or rolls back.
func write(ctx context.Context, t *testing.T, s *store, commit bool, messages ...outbox.Message) {
	t.Helper()
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, outbox.Write(ctx, tx, s.dialect, messages...))
	if commit {
		check(t, tx.Commit())
		return
	}
	check(t, tx.Rollback())
}

func TestWriteRefusesWhatCannotBePublished(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	for name, tt := range map[string]struct {
		message outbox.Message
		dialect outbox.Dialect
		want    error // nil for any
	}{
		"nowhere to go":          {outbox.Message{Body: 1}, s.dialect, broker.ErrMalformed},
		"a key that is too long": {outbox.Message{Key: string(make([]byte, 256))}, s.dialect, broker.ErrMalformed},
		"a negative expiration":  {outbox.Message{Key: "k", Expiration: -1}, s.dialect, broker.ErrMalformed},
		"headers too large":      {outbox.Message{Key: "k", Headers: message.Headers{"a": string(make([]byte, 1<<20))}}, s.dialect, broker.ErrTooLarge},
		"a header of no AMQP type": {
			outbox.Message{Key: "k", Headers: message.Headers{"a": struct{}{}}}, s.dialect, nil,
		},
		"a body that JSON cannot hold": {outbox.Message{Key: "k", Body: math.NaN()}, s.dialect, nil},
		"no dialect":                   {outbox.Message{Key: "k"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := s.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { check(t, tx.Rollback()) }()
			err = outbox.Write(t.Context(), tx, tt.dialect, tt.message)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// Two transactions that write for one aggregate: the order of the rows has to be the order of
// the commits, or a relay could publish the second before it sees the first.
func TestWritersForOneAggregateWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.Postgres)
	first, err := s.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, outbox.Write(t.Context(), first, s.dialect, outbox.Message{Key: "k", ID: "first", Aggregate: t.Name()}))
	second := make(chan error, 1)
	go func() {
		second <- s.commit(t.Context(), outbox.Message{Key: "k", ID: "second", Aggregate: t.Name()})
	}()
	rabbit.Eventually(t, patience, func() bool {
		return s.count(t, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0 || len(second) > 0
	}, "the second waits")
	if len(second) > 0 {
		t.Error("the second did not wait for the first")
	}
	s.write(t, outbox.Message{Key: "k", Aggregate: "another"}) // waits for no other transaction
	check(t, first.Commit())
	check(t, <-second)
	if n := s.count(t, `SELECT count(*) FROM warren_outbox a JOIN warren_outbox b ON a.seq < b.seq
		WHERE a.message_id = 'first' AND b.message_id = 'second'`); n != 1 {
		t.Error("the second stands before the first")
	}
}

func TestMigrateMayBeCalledByManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, d := range []outbox.Dialect{outbox.SQLite, outbox.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := emptyStore(t, d)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { check(t, outbox.Migrate(t.Context(), s.DB, d)) })
			}
			all.Wait()
			check(t, outbox.Migrate(t.Context(), s.DB, d))
			if n := s.count(t, "SELECT count(*) FROM warren_outbox_migrations"); n != 3 {
				t.Errorf("%d migrations are noted, want 3", n)
			}
			s.write(t, outbox.Message{Key: "k"})
		})
	}
	if err := outbox.Migrate(t.Context(), nil, "oracle"); err == nil {
		t.Error("a dialect that is not known was taken")
	}
}

func TestMigrateUpdatesATableOfTheFirstVersion(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		s.write(t, outbox.Message{Key: "k"})
		for _, statement := range []string{"DROP TABLE warren_outbox_unique", "DROP TABLE warren_outbox_group", "DROP TABLE warren_outbox_member", "DELETE FROM warren_outbox_migrations WHERE version > 1"} {
			if _, err := s.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		check(t, outbox.Migrate(t.Context(), s.DB, s.dialect))
		s.write(t, unique("a"), unique("a"))
		s.wantRows(t, 2)
	})
}
