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

// Migrate creates the outbox's tables, or updates them, in one transaction. It changes
// nothing in a database that is up to date. Any number of processes may call it at once. On
// PostgreSQL the tables are created in the first schema of the search path.
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

// migrated returns the number of the last migration that was applied, and locks out other
// processes until the transaction ends. On SQLite the first statement writes in order to
// take the lock.
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

// apply runs the statements one by one, because not every driver accepts several at once.
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
