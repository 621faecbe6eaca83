package database_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
)

var errEffect = errors.New("effect")

// inbox is a database with marks and effects. An effect has no unique key, so that a second one
// is seen.
type inbox struct {
	*sql.DB
	t *testing.T
}

const inboxSchema = dedupe.SQLSchema + "; CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL)"

func eachInbox(t *testing.T, f func(in inbox)) {
	t.Helper()
	eachInboxAt(t, func(in inbox, _ string) { f(in) })
}

func eachInboxAt(t *testing.T, f func(in inbox, where string)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, where string) {
		db, err := database.Open(t.Context(), where, inboxSchema)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		f(inbox{db.DB, t}, where)
	})
}

// handles calls InTx for key. Its function makes one effect and returns what after returns.
func (in inbox) handles(key string, after func(tx *sql.Tx) error) (bool, error) {
	in.t.Helper()
	return dedupe.InTx(in.t.Context(), in.DB, key, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(in.t.Context(), "INSERT INTO effects (key) VALUES ($1)", key); err != nil {
			return err
		}
		return after(tx)
	})
}

func (in inbox) count(query string) (n int) {
	in.t.Helper()
	if err := in.QueryRowContext(in.t.Context(), query).Scan(&n); err != nil {
		in.t.Fatal(err)
	}
	return n
}

func (in inbox) wantEffects(want int) {
	in.t.Helper()
	if got := in.count("SELECT count(*) FROM effects"); got != want {
		in.t.Errorf("%d effects, want %d", got, want)
	}
}

func succeeds(*sql.Tx) error { return nil }

func TestTheMarkIsCommittedWithTheEffectOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		fails   func(tx *sql.Tx) error
		effects int // after a second attempt
		first   bool
	}{
		{"a duplicate of a success is skipped", succeeds, 1, false},
		{"after an error the next attempt is the first", func(*sql.Tx) error { return errEffect }, 1, true},
		{"after a rollback by the handler too", (*sql.Tx).Rollback, 1, true},
		{"a commit by the handler is an error, and has the mark", (*sql.Tx).Commit, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachInbox(t, func(in inbox) {
				first, err := in.handles("q/1", tt.fails)
				if first != (err == nil) {
					in.t.Errorf("the first attempt returned %v, %v", first, err)
				}
				if first, err = in.handles("q/1", succeeds); first != tt.first || err != nil {
					in.t.Errorf("the second attempt returned %v, %v; want %v", first, err, tt.first)
				}
				in.wantEffects(tt.effects)
			})
		})
	}
}

func TestInTxReturnsTheHandlersErrorUnchanged(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		if _, err := in.handles("q/1", func(*sql.Tx) error { return errEffect }); err != errEffect { //nolint:errorlint // the very error
			in.t.Errorf("got %v, want the handler's error itself", err)
		}
	})
}

func TestAPanicFreesTheMark(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		func() {
			defer func() { _ = recover() }()
			_, _ = in.handles("q/1", func(*sql.Tx) error { panic("effect") })
		}()
		if first, err := in.handles("q/1", succeeds); !first || err != nil {
			in.t.Errorf("after the panic InTx returned %v, %v; want that the effect is made", first, err)
		}
		in.wantEffects(1)
	})
}

// TestAStatementThatFailedUnnoticedIsNoHalfCommit: PostgreSQL ends the transaction at
// the first error, and answers a commit with a rollback.
func TestAStatementThatFailedUnnoticedIsNoHalfCommit(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		ignores := func(tx *sql.Tx) error {
			_, _ = tx.ExecContext(in.t.Context(), "INSERT INTO missing (key) VALUES (1)")
			return nil
		}
		first, err := in.handles("q/1", ignores)
		if first != (err == nil) {
			in.t.Errorf("InTx returned %v, %v", first, err)
		}
		again, err := in.handles("q/1", succeeds)
		if again == first || err != nil {
			in.t.Errorf("the first attempt counts as handled: %v, the second: %v, %v; want one of them", first, again, err)
		}
		in.wantEffects(1)
	})
}

func TestAMessageWithoutAKeyIsHandledEachTime(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		for range 2 {
			if first, err := in.handles("", succeeds); !first || err != nil {
				in.t.Errorf("InTx returned %v, %v; want true", first, err)
			}
		}
		in.wantEffects(2)
	})
}

// TestOfManyAtOnceOneMakesTheEffect has 20 transactions with one key at the same time. The first
// effect fails, so that a transaction that waits has to take over.
func TestOfManyAtOnceOneMakesTheEffect(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		var attempts, firsts atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				first, err := in.handles("q/1", func(*sql.Tx) error {
					if attempts.Add(1) == 1 {
						return errEffect
					}
					return nil
				})
				if err != nil && !errors.Is(err, errEffect) {
					in.t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if attempts.Load() != 2 || firsts.Load() != 1 {
			in.t.Errorf("%d attempts, %d of them the first; want 2 and 1", attempts.Load(), firsts.Load())
		}
		in.wantEffects(1)
	})
}

func TestACancelledHandlerFreesTheMark(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		ctx, cancel := context.WithCancel(in.t.Context())
		first, err := dedupe.InTx(ctx, in.DB, "q/1", func(tx *sql.Tx) error {
			cancel()
			_, err := tx.ExecContext(ctx, "INSERT INTO effects (key) VALUES ($1)", "q/1")
			return err
		})
		if first || !errors.Is(err, context.Canceled) {
			in.t.Errorf("InTx returned %v, %v; want context.Canceled", first, err)
		}
		if first, err := in.handles("q/1", succeeds); !first || err != nil {
			in.t.Errorf("after the cancel InTx returned %v, %v; want that the effect is made", first, err)
		}
		in.wantEffects(1)
	})
}

// TestInTxInsideAClaim is InTx in a handler behind middleware.Dedupe. The claim does not end with
// the commit: the handler may still fail.
func TestInTxInsideAClaim(t *testing.T) {
	t.Parallel()
	eachInbox(t, func(in inbox) {
		store := dedupe.NewSQL(in.DB)
		claim, token, err := store.Claim(in.t.Context(), "q/1", time.Hour)
		if claim != dedupe.Won || err != nil {
			in.t.Fatalf("Claim returned %v, %v; want Won", claim, err)
		}
		if first, err := in.handles("q/1", succeeds); !first || err != nil {
			in.t.Errorf("InTx returned %v, %v; want true", first, err)
		}
		if claim, _, err := store.Claim(in.t.Context(), "q/1", time.Hour); claim != dedupe.Busy || err != nil {
			in.t.Errorf("after the commit a claim got %v, %v; want Busy", claim, err)
		}
		if err := store.Release(in.t.Context(), "q/1", token); err != nil {
			in.t.Error(err)
		}
		if claim, _, err := store.Claim(in.t.Context(), "q/1", time.Hour); claim != dedupe.Won || err != nil {
			in.t.Errorf("after Release a claim got %v, %v; want Won", claim, err)
		}
		if first, err := in.handles("q/1", succeeds); first || err != nil {
			in.t.Errorf("the second InTx returned %v, %v; want false", first, err)
		}
	})
}
