package dedupe

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SQLSchema creates the table of an SQL store, unless it exists. Run it before the first
// Claim, as a migration of your own or at the start of the program.
const SQLSchema = `CREATE TABLE IF NOT EXISTS warren_dedupe (
	key          TEXT PRIMARY KEY,
	token        TEXT NOT NULL, -- of the claim, or of the one that completed it
	leased_until BIGINT NOT NULL, -- Unix milliseconds
	done_at      BIGINT -- null: not done yet
);
CREATE INDEX IF NOT EXISTS warren_dedupe_done ON warren_dedupe (done_at) WHERE done_at IS NOT NULL`

// SQL is a Store in a database: SQLite 3.35 or later, or PostgreSQL. The store survives
// restarts, and all processes that use the database share it. Leases are measured by the
// clocks of the processes, which must not differ by more than the least lease. It is safe for
// concurrent use.
type SQL struct{ db *sql.DB }

var _ Store = (*SQL)(nil)

// NewSQL returns a store in db, which must have the table of SQLSchema.
func NewSQL(db *sql.DB) *SQL { return &SQL{db} }

// Claim claims key in one statement: only one of two concurrent claims succeeds.
func (s *SQL) Claim(ctx context.Context, key string, lease time.Duration) (Claim, Token, error) {
	now, token := time.Now(), rand.Text()
	result, err := s.db.ExecContext(ctx, `INSERT INTO warren_dedupe (key, token, leased_until) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET token = excluded.token, leased_until = excluded.leased_until
		WHERE warren_dedupe.done_at IS NULL AND warren_dedupe.leased_until <= $4`,
		key, token, now.Add(lease).UnixMilli(), now.UnixMilli())
	if err != nil {
		return 0, "", fmt.Errorf("dedupe: claim: %w", err)
	}
	switch n, err := result.RowsAffected(); {
	case err != nil:
		return 0, "", fmt.Errorf("dedupe: claim: %w", err)
	case n == 1:
		return Won, Token(token), nil
	}
	var done sql.NullInt64
	err = s.db.QueryRowContext(ctx, "SELECT done_at FROM warren_dedupe WHERE key = $1", key).Scan(&done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // no row: the claim was released a moment ago
		return 0, "", fmt.Errorf("dedupe: claim: %w", err)
	}
	if done.Valid {
		return Done, "", nil
	}
	return Busy, "", nil
}

// Complete marks key as handled, unless another claim holds it.
func (s *SQL) Complete(ctx context.Context, key string, token Token) error {
	result, err := s.db.ExecContext(ctx, `INSERT INTO warren_dedupe (key, token, leased_until, done_at) VALUES ($1, $2, 0, $3)
		ON CONFLICT (key) DO UPDATE SET done_at = excluded.done_at
		WHERE warren_dedupe.token = excluded.token OR warren_dedupe.done_at IS NOT NULL`, key, string(token), time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("dedupe: complete: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrClaimLost
}

// Release ends the claim that token identifies.
func (s *SQL) Release(ctx context.Context, key string, token Token) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM warren_dedupe WHERE key = $1 AND token = $2 AND done_at IS NULL", key, string(token))
	if err != nil {
		return fmt.Errorf("dedupe: release: %w", err)
	}
	return nil
}

// forgetRows bounds one deletion, because it delays the writers of SQLite.
const forgetRows = 1000

// Forget deletes the keys that were completed longer than age ago, and the claims whose leases ended
// longer than age ago: their processes were killed. It deletes 1,000 at a time, and returns their
// number.
func (s *SQL) Forget(ctx context.Context, age time.Duration) (deleted int64, err error) {
	before := time.Now().Add(-age).UnixMilli()
	for _, deletion := range []string{
		"DELETE FROM warren_dedupe WHERE key IN (SELECT key FROM warren_dedupe WHERE done_at <= $1 LIMIT $2) AND done_at <= $1",
		`DELETE FROM warren_dedupe WHERE key IN (SELECT key FROM warren_dedupe WHERE done_at IS NULL AND leased_until <= $1 LIMIT $2)
			AND done_at IS NULL AND leased_until <= $1`,
	} {
		for n := int64(forgetRows); n == forgetRows; deleted += n {
			result, err := s.db.ExecContext(ctx, deletion, before, forgetRows)
			if err == nil {
				n, err = result.RowsAffected()
			}
			if err != nil {
				return deleted, fmt.Errorf("dedupe: forget: %w", err)
			}
		}
	}
	return deleted, nil
}
