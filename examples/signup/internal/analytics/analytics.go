// Package analytics counts sign-ups by minute and by the domain of the address, in its
// own database.
package analytics

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/event"
)

const schema = `CREATE TABLE IF NOT EXISTS sign_ups (
	account_id TEXT PRIMARY KEY,
	minute     BIGINT NOT NULL, -- Unix minutes
	domain     TEXT NOT NULL
)`

// Counter counts sign-ups. It is safe for concurrent use.
type Counter struct{ db *database.DB }

// Open opens the counter's database file.
func Open(ctx context.Context, file string) (*Counter, error) {
	db, err := database.Open(ctx, file, schema)
	return &Counter{db}, err
}

// Close closes the database.
func (c *Counter) Close() error { return c.db.Close() }

// Count counts the sign-up. Repeated calls with the same account count once.
func (c *Counter) Count(ctx context.Context, e event.SignedUp) error {
	domain := strings.ToLower(e.Email[strings.LastIndexByte(e.Email, '@')+1:])
	_, err := c.db.ExecContext(ctx, "INSERT INTO sign_ups (account_id, minute, domain) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		e.AccountID, e.At.Unix()/60, domain)
	if err != nil {
		return fmt.Errorf("analytics: %w", err)
	}
	return nil
}

// Total returns the number of sign-ups counted.
func (c *Counter) Total(ctx context.Context) (n int, err error) {
	err = c.db.QueryRowContext(ctx, "SELECT count(*) FROM sign_ups").Scan(&n)
	return n, err
}

// Minute is the number of sign-ups in one minute.
type Minute struct {
	At time.Time
	N  int
}

// Minutes returns the latest minutes with sign-ups, the earliest first.
func (c *Counter) Minutes(ctx context.Context, limit int) (all []Minute, err error) {
	rows, err := c.db.QueryContext(ctx,
		"SELECT minute, n FROM (SELECT minute, count(*) AS n FROM sign_ups GROUP BY minute ORDER BY minute DESC LIMIT $1) AS latest ORDER BY minute", limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var minute int64
		var m Minute
		if err := rows.Scan(&minute, &m.N); err != nil {
			return nil, err
		}
		m.At = time.Unix(minute*60, 0).UTC()
		all = append(all, m)
	}
	return all, rows.Err()
}

// Domain is the number of sign-ups with addresses of one domain.
type Domain struct {
	Name string
	N    int
}

// Domains returns the domains with the most sign-ups, the most first.
func (c *Counter) Domains(ctx context.Context, limit int) (all []Domain, err error) {
	rows, err := c.db.QueryContext(ctx,
		"SELECT domain, count(*) AS n FROM sign_ups GROUP BY domain ORDER BY n DESC, domain LIMIT $1", limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var d Domain
		if err := rows.Scan(&d.Name, &d.N); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}
