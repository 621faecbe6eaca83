package claim

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SQLSchema creates the table of an SQL store, unless it exists. Run it before the first Put,
// as a migration of your own or at the start of the program.
const SQLSchema = `CREATE TABLE IF NOT EXISTS warren_claim (
	key    TEXT PRIMARY KEY,
	body   BYTEA NOT NULL,
	put_at BIGINT NOT NULL -- Unix milliseconds
);
CREATE INDEX IF NOT EXISTS warren_claim_put ON warren_claim (put_at)`

// SQL is a Store in a database: PostgreSQL, or SQLite for tests and single machines. It is safe
// for concurrent use.
type SQL struct{ db *sql.DB }

var _ Store = (*SQL)(nil)

// NewSQL returns a store in db, which must have the table of SQLSchema.
func NewSQL(db *sql.DB) *SQL { return &SQL{db} }

// Put inserts a body.
func (s *SQL) Put(ctx context.Context, key string, body []byte) error {
	if body == nil { // a nil []byte is NULL to a driver
		body = []byte{}
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO warren_claim (key, body, put_at) VALUES ($1, $2, $3)",
		key, body, time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("claim: put body %s: %w", key, err)
	}
	return nil
}

// Get selects a body, unless it is larger than limit.
func (s *SQL) Get(ctx context.Context, key string, limit int) (body []byte, err error) {
	var size int64
	err = s.db.QueryRowContext(ctx, `SELECT length(body), CASE WHEN length(body) <= CAST($2 AS BIGINT) THEN body END
		FROM warren_claim WHERE key = $1`, key, limit).Scan(&size, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
	case err != nil:
		return nil, fmt.Errorf("claim: get body %s: %w", key, err)
	case size > int64(limit):
		return nil, tooLarge(key, size, limit)
	}
	return body, nil
}

// Delete deletes a body.
func (s *SQL) Delete(ctx context.Context, key string) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM warren_claim WHERE key = $1", key); err != nil {
		return fmt.Errorf("claim: delete body %s: %w", key, err)
	}
	return nil
}

// sweepRows bounds one deletion, because it delays the writers of SQLite.
const sweepRows = 100

// Sweep deletes the bodies that were put longer than age ago, 100 at a time, and returns their
// number.
func (s *SQL) Sweep(ctx context.Context, age time.Duration) (deleted int64, err error) {
	before := time.Now().Add(-age).UnixMilli()
	for n := int64(sweepRows); n == sweepRows; deleted += n {
		result, err := s.db.ExecContext(ctx, `DELETE FROM warren_claim WHERE key IN
			(SELECT key FROM warren_claim WHERE put_at <= $1 ORDER BY put_at LIMIT $2)`, before, sweepRows)
		if err == nil {
			n, err = result.RowsAffected()
		}
		if err != nil {
			return deleted, fmt.Errorf("claim: sweep: %w", err)
		}
	}
	return deleted, nil
}
