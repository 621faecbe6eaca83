package outbox

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed migrations
var migrations embed.FS

// Migrate makes the outbox's tables, or brings them up to date, in one transaction. It
// does nothing to a database that is up to date, and any number of processes may call
// it at once. On PostgreSQL the tables are made in the first schema of the search path.
func Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	if err := d.validate(); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("outbox: migrate: %w", err)
	}
	if err := migrate(ctx, tx, d); err != nil {
		_ = tx.Rollback() // the error before it says more
		return fmt.Errorf("outbox: migrate: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("outbox: migrate: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, tx *sql.Tx, d Dialect) error {
	done, err := migrated(ctx, tx, d)
	if err != nil {
		return err
	}
	files, err := migrations.ReadDir(path.Join("migrations", string(d)))
	if err != nil {
		return err
	}
	for i, file := range files {
		version := i + 1
		if version <= done {
			continue
		}
		script, err := migrations.ReadFile(path.Join("migrations", string(d), file.Name()))
		if err != nil {
			return err
		}
		if err := apply(ctx, tx, string(script)); err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
		if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO warren_outbox_migrations (version) VALUES (?)"), version); err != nil {
			return err
		}
	}
	return nil
}

// migrated returns the last migration that was made, and keeps others from making any
// until the transaction ends. To that end the first statement writes on SQLite.
func migrated(ctx context.Context, tx *sql.Tx, d Dialect) (version int, err error) {
	lock := "DROP TABLE IF EXISTS warren_outbox_lock"
	if d == Postgres {
		lock = "SELECT pg_advisory_xact_lock(hashtextextended('warren_outbox_migrations', 0))"
	}
	for _, statement := range []string{
		lock, "CREATE TABLE IF NOT EXISTS warren_outbox_migrations (version INTEGER PRIMARY KEY)",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM warren_outbox_migrations").Scan(&version)
	return version, err
}

// apply makes the statements one by one: not every driver takes several at once.
func apply(ctx context.Context, tx *sql.Tx, script string) error {
	for statement := range strings.SplitSeq(script, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
