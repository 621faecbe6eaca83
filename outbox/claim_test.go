package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/outbox"
)

// backlog writes n pending rows. The expressions of i, from 1, are the aggregate and next_at.
func (s *store) backlog(t testing.TB, n int, aggregate, nextAt string) {
	t.Helper()
	series := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)", n)
	if _, err := s.ExecContext(t.Context(), series+`
		INSERT INTO warren_outbox (message_id, aggregate, exchange, routing_key, properties, headers, body, written_at, next_at)
		SELECT CAST(i AS TEXT), `+aggregate+`, '', 'k', '{}', '{}', '', 0, `+nextAt+` FROM n`); err != nil {
		t.Fatal(err)
	}
}

// claimer returns a relay that is not running.
func (s *store) claimer() *outbox.Relay {
	return outbox.New(outbox.Config{DB: s.DB, Dialect: s.dialect, Broker: broker.Config{URL: "amqp://localhost/"}})
}

// The head of the blocked backlog is refused until the far future.
func TestABlockedBacklogLeavesOtherAggregatesClaimable(t *testing.T) {
	t.Parallel()
	const never = "CASE WHEN i = 1 THEN 9000000000000 ELSE 0 END"
	for name, write := range map[string]func(t *testing.T, s *store){
		"behind a few rows": func(t *testing.T, s *store) { t.Helper(); s.backlog(t, 10, "'blocked'", never) },
		"behind many rows":  func(t *testing.T, s *store) { t.Helper(); s.backlog(t, 2500, "'blocked'", never) },
		"behind many rows of many aggregates": func(t *testing.T, s *store) {
			t.Helper()
			s.backlog(t, 2500, "'blocked'", never)
			s.backlog(t, 1500, "'also' || i", "9000000000000")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *store) {
				write(t, s)
				s.backlog(t, 3, "'waits'", "0")
				s.backlog(t, 2, "NULL", "0")
				got, _, err := outbox.Claim(t.Context(), s.claimer())
				if slices.Sort(got); err != nil || !slices.Equal(got, []string{"", "", "waits"}) {
					t.Errorf("claimed %q and %v, want the aggregate and the two rows without one", got, err)
				}
			})
		})
	}
}

// The rows of the backlog are due, and could fill many batches.
func TestADueBacklogLeavesOtherAggregatesTheirPlaceInTheBatch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		s.backlog(t, 1000, "'a'", "0")
		s.backlog(t, 3, "'b' || i", "0")
		got, _, err := outbox.Claim(t.Context(), s.claimer())
		if slices.Sort(got); err != nil || !slices.Equal(got, []string{"a", "b1", "b2", "b3"}) {
			t.Errorf("claimed %q and %v, want every aggregate", got, err)
		}
		if n := s.count(t, "SELECT count(*) FROM warren_outbox WHERE lease IS NOT NULL"); n != 100 {
			t.Errorf("%d rows are leased, want the 100 of the batch", n)
		}
	})
}

// BenchmarkClaim takes a batch of 100 from a backlog of 100,000 rows.
func BenchmarkClaim(b *testing.B) {
	for _, of := range []struct{ name, aggregate, nextAt string }{
		{"1 aggregate", "'a'", "0"},
		{"20 aggregates", "'a' || (i % 20)", "0"},
		{"an aggregate for each row", "'a' || i", "0"},
		{"no aggregate", "NULL", "0"},
		{"1 aggregate that waits", "'a'", "CASE WHEN i = 1 THEN 9000000000000 ELSE 0 END"},
	} {
		for _, d := range []outbox.Dialect{outbox.SQLite, outbox.Postgres} {
			b.Run(of.name+"/"+string(d), func(b *testing.B) {
				s := newStore(b, d)
				s.backlog(b, 100_000, of.aggregate, of.nextAt)
				if d == outbox.Postgres { // as autovacuum does
					if _, err := s.ExecContext(b.Context(), "ANALYZE warren_outbox"); err != nil {
						b.Fatal(err)
					}
				}
				r := s.claimer()
				var claiming time.Duration
				for b.Loop() {
					began := time.Now()
					_, mark, err := outbox.Claim(b.Context(), r)
					claiming += time.Since(began)
					if err == nil {
						err = mark()
					}
					if err != nil && context.Cause(b.Context()) == nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(claiming.Microseconds())/float64(b.N), "µs/claim")
			})
		}
	}
}
