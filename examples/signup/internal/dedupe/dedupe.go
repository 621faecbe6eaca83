// Package dedupe remembers in SQL which messages were handled, for middleware.Dedupe:
// across restarts, and across all processes that share the database.
package dedupe

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/middleware"
)

const schema = `CREATE TABLE IF NOT EXISTS handled (
	key          TEXT PRIMARY KEY,
	leased_until BIGINT NOT NULL, -- Unix milliseconds
	done_at      BIGINT -- null: not done yet
);
CREATE INDEX IF NOT EXISTS handled_done ON handled (done_at) WHERE done_at IS NOT NULL`

// Store is a middleware.Store. It is safe for concurrent use.
type Store struct{ db *database.DB }

var _ middleware.Store = (*Store)(nil)

// Open opens the store at postgres://… or in a file.
func Open(ctx context.Context, where string) (*Store, error) {
	db, err := database.Open(ctx, where, schema)
	return &Store{db}, err
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Claim takes key in one statement: of two that come at once, one changes no row.
func (s *Store) Claim(ctx context.Context, key string, lease time.Duration) (middleware.Claim, error) {
	now := time.Now()
	result, err := s.db.ExecContext(ctx, `INSERT INTO handled (key, leased_until) VALUES ($1, $2)
		ON CONFLICT (key) DO UPDATE SET leased_until = excluded.leased_until
		WHERE handled.done_at IS NULL AND handled.leased_until <= $3`,
		key, now.Add(lease).UnixMilli(), now.UnixMilli())
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return middleware.Won, err
	}
	var done sql.NullInt64
	err = s.db.QueryRowContext(ctx, "SELECT done_at FROM handled WHERE key = $1", key).Scan(&done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // gone: given up a moment ago
		return 0, err
	}
	if done.Valid {
		return middleware.Done, nil
	}
	return middleware.Busy, nil
}

// Complete marks key as handled.
func (s *Store) Complete(ctx context.Context, key string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO handled (key, leased_until, done_at) VALUES ($1, 0, $2)
		ON CONFLICT (key) DO UPDATE SET done_at = excluded.done_at`, key, time.Now().UnixMilli())
	return err
}

// Release gives up the claim.
func (s *Store) Release(ctx context.Context, key string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM handled WHERE key = $1 AND done_at IS NULL", key)
	return err
}

// Forget forgets what was handled so long ago, and returns how much that was.
func (s *Store) Forget(ctx context.Context, age time.Duration) (int64, error) {
	result, err := s.db.ExecContext(ctx, "DELETE FROM handled WHERE done_at <= $1", time.Now().Add(-age).UnixMilli())
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
