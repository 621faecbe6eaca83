// Package billing gives a trial to who signed up, in a database of its own.
package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/event"
)

// Trial is how long everything is free.
const Trial = 30 * 24 * time.Hour

const schema = `CREATE TABLE IF NOT EXISTS trials (
	account_id TEXT PRIMARY KEY,
	ends_at    BIGINT NOT NULL -- Unix seconds
)`

// Book is where the trials stand. It is safe for concurrent use.
type Book struct{ db *database.DB }

// Open opens the book's database, a file.
func Open(ctx context.Context, file string) (*Book, error) {
	db, err := database.Open(ctx, file, schema)
	return &Book{db}, err
}

// Close closes the database.
func (b *Book) Close() error { return b.db.Close() }

// BeginTrial begins the trial of who signed up, once however often it is told.
func (b *Book) BeginTrial(ctx context.Context, e event.SignedUp) error {
	_, err := b.db.ExecContext(ctx, "INSERT INTO trials (account_id, ends_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		e.AccountID, e.At.Add(Trial).Unix())
	if err != nil {
		return fmt.Errorf("billing: %w", err)
	}
	return nil
}

// Trials is how many trials have begun.
func (b *Book) Trials(ctx context.Context) (n int, err error) {
	err = b.db.QueryRowContext(ctx, "SELECT count(*) FROM trials").Scan(&n)
	return n, err
}
