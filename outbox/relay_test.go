package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/retry"
)

const aggregates = 20

// writeMarks commits n marks for each aggregate, one a transaction, by a goroutine for
// each aggregate.
func (s *store) writeMarks(t *testing.T, key string, n int, committed func()) {
	var writers sync.WaitGroup
	for a := range aggregates {
		writers.Go(func() {
			name := fmt.Sprint("a", a)
			for i := range n {
				m := outbox.Message{Key: key, Aggregate: name, Body: mark{Aggregate: name, N: i}}
				if err := s.commit(t.Context(), m); err != nil {
					t.Error(err)
					return
				}
				committed()
			}
		})
	}
	writers.Wait()
}

func TestRelaysSideBySideDoNoWorkTwiceAndKeepTheOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		var relays []*running
		for range 3 {
			relays = append(relays, s.relay(t, url, func(c *outbox.Config) { c.Batch = 7 }))
		}
		const each = 40
		s.writeMarks(t, name, each, relays[0].Wake)
		got.await(t, aggregates*each)
		relays[0].drained()
		for i, r := range relays {
			t.Logf("relay %d published %d", i, len(seen[outbox.Published](r)))
		}
		if n := got.duplicates(); n > 0 || len(got.list()) != aggregates*each {
			t.Errorf("%d messages came, %d of them twice; want %d, each once", len(got.list()), n, aggregates*each)
		}
		got.inOrder(t)
	})
}

// The claims themselves, without a broker's pace: no two hold one aggregate.
func TestAnAggregateIsInOneHand(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		const each = 10
		s.writeMarks(t, "k", each, func() {})
		r := outbox.New(outbox.Config{DB: s.DB, Dialect: s.dialect, Batch: 3, Broker: nowhere()})
		var mu sync.Mutex
		held, left := make(map[string]bool), aggregates*each
		hold := func(names []string, now bool) {
			mu.Lock()
			defer mu.Unlock()
			for _, a := range names {
				if now && held[a] {
					t.Errorf("aggregate %s is in two hands", a)
				}
				held[a] = now
			}
		}
		var hands sync.WaitGroup
		for range 4 {
			hands.Go(func() {
				for ended := time.Now().Add(patience); time.Now().Before(ended); {
					names, done, err := outbox.Claim(t.Context(), r)
					if err != nil {
						t.Error(err)
						return
					}
					hold(names, true)
					hold(names, false) // before the others can have it
					check(t, done())
					mu.Lock()
					if len(names) > 0 {
						left--
					}
					mu.Unlock()
					if stats, err := r.Stats(t.Context()); err != nil || stats.Pending == 0 {
						check(t, err)
						return
					}
				}
			})
		}
		hands.Wait()
		if n := s.count(t, "SELECT count(*) FROM warren_outbox WHERE published_at IS NULL"); n > 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

func TestWhatIsLeasedByADeadRelayIsTakenOver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		for i := range 3 {
			s.write(t, outbox.Message{Key: name, Aggregate: "a", Body: mark{"a", i}})
		}
		dead := outbox.New(outbox.Config{DB: s.DB, Dialect: s.dialect, Lease: 2 * time.Second, Batch: 2, Broker: nowhere()})
		began := time.Now()
		if names, _, err := outbox.Claim(t.Context(), dead); err != nil || len(names) != 1 {
			t.Fatalf("claimed %q, %v; want the aggregate", names, err)
		}
		s.relay(t, url)
		got.await(t, 3)
		if took := time.Since(began); took < 2*time.Second {
			t.Errorf("taken over after %v, want no sooner than the lease ends", took)
		}
		got.inOrder(t)
	})
}

func TestAStoppedRelayMarksWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		const each = 20
		s.writeMarks(t, name, each, func() {})
		for part := 1; part <= 4; part++ {
			r := s.relay(t, url, func(c *outbox.Config) { c.Batch = 50 })
			got.await(t, part*aggregates*each/5)
			r.end()
		}
		s.relay(t, url).drained()
		got.await(t, aggregates*each)
		if n := got.duplicates(); n > 0 {
			t.Errorf("%d came twice, want none", n)
		}
		got.inOrder(t)
	})
}

func TestPublishedRowsAreDeletedAfterTheRetention(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		s.write(t, outbox.Message{Key: name, Body: 1}, outbox.Message{Key: name, Body: 2})
		keeping := s.relay(t, url, func(c *outbox.Config) { c.Retention = -1 })
		got.await(t, 2)
		keeping.drained()
		keeping.end()
		s.write(t, outbox.Message{Key: rabbit.Queue(t), ID: "waits", Body: 3})
		r := s.relay(t, url, func(c *outbox.Config) { c.Retention = time.Millisecond })
		rabbit.Eventually(t, patience, func() bool { return len(seen[outbox.Cleaned](r)) > 0 }, "rows are deleted")
		if n := s.count(t, "SELECT count(*) FROM warren_outbox"); n != 1 {
			t.Errorf("%d rows are left, want the one that is not published", n)
		}
	})
}

func TestAnIdleRelayCanBeWoken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		name, got := queue(t, url)
		r := s.relay(t, url, func(c *outbox.Config) { c.Poll = time.Hour })
		for i := range 3 {
			s.write(t, outbox.Message{Key: name, Body: i})
			r.Wake()
			got.await(t, i+1)
		}
	})
}

func TestConfigReportsEveryFault(t *testing.T) {
	t.Parallel()
	r := outbox.New(outbox.Config{
		Dialect: "oracle", Batch: 1001, Poll: -1, Lease: time.Millisecond,
		Retry: retry.Policy{Multiplier: 0.5}, Broker: broker.Config{URL: "http://x"},
	})
	err := r.Run(t.Context())
	for _, want := range []string{"DB", `"oracle"`, "Batch is 1001", "Poll", "Lease", "multiplier", "broker URL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to tell of %s", err, want)
		}
	}
	if _, err := r.Stats(t.Context()); err == nil {
		t.Error("Stats without a database has no error")
	}
}

func TestRunIsForOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	r := outbox.New(outbox.Config{DB: s.DB, Dialect: s.dialect, Broker: broker.Config{URL: rabbit.URL(t)}})
	if r.Health().Ready {
		t.Error("ready before Run")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	check(t, r.Run(ctx))
	if err := r.Run(t.Context()); err == nil {
		t.Error("Run was called twice without an error")
	}
}

func TestCredentialsThatAreRefusedEndRun(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	url := strings.Replace(rabbit.URL(t), "guest:guest", "guest:wrong", 1)
	r := outbox.New(outbox.Config{DB: s.DB, Dialect: s.dialect, Broker: broker.Config{URL: url}})
	if err := r.Run(t.Context()); !errors.Is(err, broker.ErrRefused) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v, want ErrRefused without the password", err)
	}
}
