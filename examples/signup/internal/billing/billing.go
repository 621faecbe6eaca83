// Package billing begins a trial for each new account, in its own database.
package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/event"
)

// Trial is how long a trial lasts.
const Trial = 30 * 24 * time.Hour

const schema = `CREATE TABLE IF NOT EXISTS trials (
	account_id TEXT PRIMARY KEY,
	ends_at    BIGINT NOT NULL -- Unix seconds
)`

// Book stores the trials. It is safe for concurrent use.
type Book struct{ db *database.DB }

// Open opens the book's database file.
func Open(ctx context.Context, file string) (*Book, error) {
	db, err := database.Open(ctx, file, schema)
	return &Book{db}, err
}

// Close closes the database.
func (b *Book) Close() error { return b.db.Close() }

// BeginTrial begins the trial of the account. Repeated calls with the same account begin
// one trial.
func (b *Book) BeginTrial(ctx context.Context, e event.SignedUp) error {
	_, err := b.db.ExecContext(ctx, "INSERT INTO trials (account_id, ends_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		e.AccountID, e.At.Add(Trial).Unix())
	if err != nil {
		return fmt.Errorf("billing: %w", err)
	}
	return nil
}

// Trials returns the number of trials begun.
func (b *Book) Trials(ctx context.Context) (n int, err error) {
	err = b.db.QueryRowContext(ctx, "SELECT count(*) FROM trials").Scan(&n)
	return n, err
}
