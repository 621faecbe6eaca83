package outbox_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
)

// writeUnique writes one message in a transaction of its own, then calls end, Commit or Rollback.
func (s *store) writeUnique(ctx context.Context, m outbox.Message, end func(*sql.Tx) error) (first bool, err error) {
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	if first, err = outbox.WriteUnique(ctx, tx, s.dialect, m); err != nil {
		_ = tx.Rollback()
		return false, err
	}
	return first, end(tx)
}

// firsts writes m and fails unless it is, or is not, the first with its key.
func (s *store) firsts(t *testing.T, m outbox.Message, want bool, end func(*sql.Tx) error) {
	t.Helper()
	if first, err := s.writeUnique(t.Context(), m, end); first != want || err != nil {
		t.Errorf("key %q: WriteUnique returned %v, %v; want %v", m.Unique, first, err, want)
	}
}

func unique(key string) outbox.Message { return outbox.Message{Key: "k", Body: 1, Unique: key} }

func (s *store) wantRows(t *testing.T, want int) {
	t.Helper()
	if n := s.count(t, "SELECT count(*) FROM warren_outbox"); n != want {
		t.Errorf("%d rows in the outbox, want %d", n, want)
	}
}

func TestAUniqueMessageIsWrittenOnceInItsWindow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *store)
		rows int
	}{
		{"a second write adds no message", func(t *testing.T, s *store) {
			s.firsts(t, unique("a"), true, (*sql.Tx).Commit)
			s.firsts(t, unique("a"), false, (*sql.Tx).Commit)
			s.firsts(t, unique("b"), true, (*sql.Tx).Commit)
		}, 2},
		{"a write that was rolled back does not count", func(t *testing.T, s *store) {
			s.firsts(t, unique("a"), true, (*sql.Tx).Rollback)
			s.firsts(t, unique("a"), true, (*sql.Tx).Commit)
		}, 1},
		{"a duplicate does not abort the transaction", func(t *testing.T, s *store) {
			s.firsts(t, unique("a"), true, (*sql.Tx).Commit)
			s.firsts(t, unique("a"), false, func(tx *sql.Tx) error {
				if err := outbox.Write(t.Context(), tx, s.dialect, outbox.Message{Key: "k"}); err != nil {
					return err
				}
				return tx.Commit()
			})
		}, 2},
		{"the first of several messages in one write is written", func(t *testing.T, s *store) {
			s.write(t, unique("b"), unique("a"), unique("b"), outbox.Message{Key: "k"}, outbox.Message{Key: "k"})
		}, 4},
		{"without a key every message is written", func(t *testing.T, s *store) {
			s.firsts(t, unique(""), true, (*sql.Tx).Commit)
			s.firsts(t, unique(""), true, (*sql.Tx).Commit)
		}, 2},
		{"after the window a message is written again", func(t *testing.T, s *store) {
			m := unique("a")
			m.UniqueFor = time.Nanosecond // is at least 1 ms
			s.firsts(t, m, true, (*sql.Tx).Commit)
			rabbit.Eventually(t, patience, func() bool {
				first, err := s.writeUnique(t.Context(), unique("a"), (*sql.Tx).Commit)
				check(t, err)
				return first
			}, "the window ends")
			s.firsts(t, unique("a"), false, (*sql.Tx).Commit)
		}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *store) {
				tt.run(t, s)
				s.wantRows(t, tt.rows)
			})
		})
	}
}

// TestOfManyWritersWithOneKeyOneWrites has 20 transactions with one key at the same time. The first
// one is rolled back, so that a transaction that waits has to take over.
func TestOfManyWritersWithOneKeyOneWrites(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		var wrote atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := s.writeUnique(t.Context(), unique("a"), func(tx *sql.Tx) error {
					var written bool // by this transaction, or by one that was committed
					if err := tx.QueryRowContext(t.Context(), "SELECT count(*) > 0 FROM warren_outbox").Scan(&written); err != nil {
						return err
					}
					if written && wrote.Add(1) == 1 {
						return tx.Rollback()
					}
					return tx.Commit()
				})
				check(t, err)
			})
		}
		all.Wait()
		s.wantRows(t, 1)
	})
}

// TestAKilledWritersKeyIsFree kills a process between its write and its commit.
func TestAKilledWritersKeyIsFree(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		if err := s.child(t, roleHolds, "", "k").Run(); !killed(err) {
			t.Fatalf("the child ended with %v, want to see it killed", err)
		}
		s.firsts(t, unique("held"), true, (*sql.Tx).Commit)
		s.wantRows(t, 1)
	})
}

func TestTheRelayDeletesOldKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *store) {
		url := rabbit.URL(t)
		m := outbox.Message{Key: declare(t, url), Unique: "old", UniqueFor: time.Millisecond}
		s.write(t, m)
		m.Unique, m.UniqueFor = "new", time.Hour
		s.write(t, m)
		r := s.relay(t, url, func(c *outbox.Config) { c.Retention = time.Millisecond })
		rabbit.Eventually(t, patience, func() bool { return cleaned(r).Keys > 0 }, "the old key is deleted")
		if n, keys := s.count(t, "SELECT count(*) FROM warren_outbox_unique"), cleaned(r).Keys; n != 1 || keys != 1 {
			t.Errorf("%d keys were deleted and %d are left, want 1 and 1", keys, n)
		}
		s.firsts(t, m, false, (*sql.Tx).Commit)
	})
}

// cleaned returns the sum of what a relay has deleted.
func cleaned(r *running) (sum outbox.Cleaned) {
	for _, e := range seen[outbox.Cleaned](r) {
		sum.Rows, sum.Keys, sum.Groups = sum.Rows+e.Rows, sum.Keys+e.Keys, sum.Groups+e.Groups
	}
	return sum
}

func TestUniqueMustBeShort(t *testing.T) {
	t.Parallel()
	s := newStore(t, outbox.SQLite)
	for _, m := range []outbox.Message{unique(strings.Repeat("a", 256)), {Key: "k", Unique: "a", UniqueFor: -1}} {
		if _, err := s.writeUnique(t.Context(), m, (*sql.Tx).Commit); err == nil || !strings.Contains(err.Error(), "unique") {
			t.Errorf("got %v, want an error that names the key or the window", err)
		}
	}
}
