package account

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/outbox"
)

// ErrUnknown is returned for an account that does not exist.
var ErrUnknown = errors.New("account: account not found")

//go:embed schema.sql
var schema string

// Store stores accounts, and the outbox in the same database. It is safe for concurrent use.
type Store struct{ DB *database.DB }

// Open opens the store in the PostgreSQL at postgres://…, or in an SQLite file.
func Open(ctx context.Context, where string) (*Store, error) {
	db, err := database.Open(ctx, where, schema)
	if err != nil {
		return nil, err
	}
	if err := outbox.Migrate(ctx, db.DB, db.Dialect); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db}, nil
}

// Add saves the account, unless its address has an account already, and returns the account
// that owns the address: a, or the earlier one. It saves the events about that account in
// the same transaction. It runs the same statements in both cases, so that its duration does
// not reveal whether the address had an account.
func (s *Store) Add(ctx context.Context, a Account, events func(owner Account) []outbox.Message) (owner Account, err error) {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return owner, fmt.Errorf("account: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if owner, err = insert(ctx, tx, a); err != nil {
		return owner, err
	}
	if events != nil {
		if err := outbox.Write(ctx, tx, s.DB.Dialect, events(owner)...); err != nil {
			return owner, err
		}
	}
	if err := tx.Commit(); err != nil {
		return owner, fmt.Errorf("account: %w", err)
	}
	return owner, nil
}

func insert(ctx context.Context, tx *sql.Tx, a Account) (owner Account, err error) {
	if _, err := tx.ExecContext(ctx, `INSERT INTO accounts (id, email, email_key, name, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email_key) DO NOTHING`,
		a.ID, a.Email, key(a.Email), a.Name, a.PasswordHash, a.CreatedAt.UnixMilli()); err != nil {
		return owner, fmt.Errorf("account: %w", err)
	}
	return find(ctx, tx, "email_key = $1", key(a.Email))
}

// key returns the form in which addresses are compared.
func key(email string) string { return strings.ToLower(email) }

// Verify marks the account's address as verified at the given time. A second call keeps the
// first time.
func (s *Store) Verify(ctx context.Context, id string, at time.Time) (Account, error) {
	if _, err := s.DB.ExecContext(ctx, "UPDATE accounts SET verified_at = $1 WHERE id = $2 AND verified_at IS NULL",
		at.UnixMilli(), id); err != nil {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	return s.ByID(ctx, id)
}

// SetPassword replaces the password hash old with hash. It returns ErrUnknown if the
// account's hash is not old.
func (s *Store) SetPassword(ctx context.Context, id, old, hash string) error {
	result, err := s.DB.ExecContext(ctx, "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3", hash, id, old)
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	return nil
}

// ByID returns the account with the id, or ErrUnknown.
func (s *Store) ByID(ctx context.Context, id string) (Account, error) {
	return find(ctx, s.DB, "id = $1", id)
}

// ByEmail returns the account with the address, or ErrUnknown.
func (s *Store) ByEmail(ctx context.Context, email string) (Account, error) {
	return find(ctx, s.DB, "email_key = $1", key(email))
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func find(ctx context.Context, q querier, where, arg string) (a Account, err error) {
	var created int64
	var verified sql.NullInt64
	err = q.QueryRowContext(ctx, "SELECT id, email, name, password_hash, created_at, verified_at FROM accounts WHERE "+where, arg).
		Scan(&a.ID, &a.Email, &a.Name, &a.PasswordHash, &created, &verified)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, ErrUnknown
	case err != nil:
		return a, fmt.Errorf("account: %w", err)
	}
	a.CreatedAt = time.UnixMilli(created).UTC()
	if verified.Valid {
		a.VerifiedAt = time.UnixMilli(verified.Int64).UTC()
	}
	return a, nil
}

// Count returns how many accounts there are.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	if err := s.DB.QueryRowContext(ctx, "SELECT count(*) FROM accounts").Scan(&n); err != nil {
		return 0, fmt.Errorf("account: %w", err)
	}
	return n, nil
}
