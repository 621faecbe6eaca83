package outbox

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
)

//go:embed migrations
var migrations embed.FS

// lockPatience is how long Migrate waits for a SQLite file that another connection has locked.
const lockPatience = 30 * time.Second

// Migrate creates the outbox's tables, or updates them, in one transaction. It changes
// nothing in a database that is up to date. Any number of processes may call it at once. On
// PostgreSQL the tables are created in the first schema of the search path. While another
// process holds the lock on a SQLite file, Migrate tries again for 30 s, or until ctx ends:
// SQLite itself does not wait, whatever its busy_timeout, when it switches a new file to WAL.
func Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	if err := d.validate(); err != nil {
		return err
	}
	end := time.Now().Add(lockPatience)
	pauses := retry.Policy{InitialInterval: 10 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	for n := 1; ; n++ {
		err := migrateOnce(ctx, db, d)
		if err == nil {
			return nil
		}
		if !locked(err) || time.Now().After(end) || !pace.Wait(ctx, pauses, n) {
			return fmt.Errorf("outbox: migrate: %w", err)
		}
	}
}

// locked reports whether SQLite refused because another connection holds a lock. The errors
// of its drivers have only their text in common.
func locked(err error) bool { return strings.Contains(err.Error(), "database is locked") }

func migrateOnce(ctx context.Context, db *sql.DB, d Dialect) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := migrate(ctx, tx, d); err != nil {
		_ = tx.Rollback() // the error before it says more
		return err
	}
	return tx.Commit()
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

// Dialect is the SQL dialect of the database.
type Dialect string

// The supported databases. SQLite must be 3.35 or later, PostgreSQL 11 or later.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

func (d Dialect) validate() error {
	switch d {
	case SQLite, Postgres:
		return nil
	}
	return fmt.Errorf("outbox: the dialect is %q, want outbox.SQLite or outbox.Postgres", string(d))
}

// sql returns the query in the dialect of the database. In query, ? is an argument, NOW is
// the database's clock in Unix milliseconds, and SKIP stands for the clause that locks the
// rows read and skips rows that others have locked.
func (d Dialect) sql(query string) string {
	if d == SQLite { // SQLite has one writer at a time
		return strings.NewReplacer(
			"NOW", "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", "SKIP", "",
		).Replace(query)
	}
	query = strings.NewReplacer(
		"NOW", "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)", "SKIP", "FOR UPDATE SKIP LOCKED",
	).Replace(query)
	var b strings.Builder
	for n, part := range strings.Split(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
	}
	return b.String()
}

// list returns a list for IN and NOT IN. It has n arguments, and a value that no row has,
// so that it is never empty.
func list(none string, n int) string { return "(" + none + strings.Repeat(",?", n) + ")" }

// seqs returns a list of n values of seq.
func seqs(n int) string { return list("0", n) }
