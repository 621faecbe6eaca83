// Package dedupe stores in SQL which messages were handled, for middleware.Dedupe. The store
// survives restarts, and all processes that use the database share it.
package dedupe

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/examples/signup/internal/database"
)

const schema = `CREATE TABLE IF NOT EXISTS handled (
	key          TEXT PRIMARY KEY,
	token        TEXT NOT NULL, -- of the claim, or of the one that completed it
	leased_until BIGINT NOT NULL, -- Unix milliseconds
	done_at      BIGINT -- null: not done yet
);
CREATE INDEX IF NOT EXISTS handled_done ON handled (done_at) WHERE done_at IS NOT NULL`

// Store is a dedupe.Store in an SQL database. It is safe for concurrent use.
type Store struct{ db *database.DB }

var _ dedupe.Store = (*Store)(nil)

// Open opens the store at postgres://… or in a file.
func Open(ctx context.Context, where string) (*Store, error) {
	db, err := database.Open(ctx, where, schema)
	return &Store{db}, err
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Claim claims key in one statement, so that of two concurrent claims only one succeeds.
func (s *Store) Claim(ctx context.Context, key string, lease time.Duration) (dedupe.Claim, dedupe.Token, error) {
	now, token := time.Now(), rand.Text()
	result, err := s.db.ExecContext(ctx, `INSERT INTO handled (key, token, leased_until) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET token = excluded.token, leased_until = excluded.leased_until
		WHERE handled.done_at IS NULL AND handled.leased_until <= $4`,
		key, token, now.Add(lease).UnixMilli(), now.UnixMilli())
	if err != nil {
		return 0, "", err
	}
	switch n, err := result.RowsAffected(); {
	case err != nil:
		return 0, "", err
	case n == 1:
		return dedupe.Won, dedupe.Token(token), nil
	}
	var done sql.NullInt64
	err = s.db.QueryRowContext(ctx, "SELECT done_at FROM handled WHERE key = $1", key).Scan(&done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // no row: the claim was released a moment ago
		return 0, "", err
	}
	if done.Valid {
		return dedupe.Done, "", nil
	}
	return dedupe.Busy, "", nil
}

// Complete marks key as handled, unless another claim holds it.
func (s *Store) Complete(ctx context.Context, key string, token dedupe.Token) error {
	result, err := s.db.ExecContext(ctx, `INSERT INTO handled (key, token, leased_until, done_at) VALUES ($1, $2, 0, $3)
		ON CONFLICT (key) DO UPDATE SET done_at = excluded.done_at
		WHERE handled.token = excluded.token OR handled.done_at IS NOT NULL`, key, string(token), time.Now().UnixMilli())
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return dedupe.ErrClaimLost
}

// Release ends the claim that token identifies.
func (s *Store) Release(ctx context.Context, key string, token dedupe.Token) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM handled WHERE key = $1 AND token = $2 AND done_at IS NULL", key, string(token))
	return err
}

// Forget deletes the keys that were completed longer than age ago, and returns their number.
func (s *Store) Forget(ctx context.Context, age time.Duration) (int64, error) {
	result, err := s.db.ExecContext(ctx, "DELETE FROM handled WHERE done_at <= $1", time.Now().Add(-age).UnixMilli())
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
