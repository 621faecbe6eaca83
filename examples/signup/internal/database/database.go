// Package database opens the databases of the example: a PostgreSQL by its URL, or an SQLite
// database by its file name.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"modernc.org/sqlite"               // registers the database driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/warren-mq/warren/outbox"
)

// DB is a database and its SQL dialect. Both dialects accept $1 as a placeholder.
type DB struct {
	*sql.DB

	Dialect outbox.Dialect
}

// Open opens postgres://… or a file, and executes the schema. The statements of the schema
// must leave existing tables unchanged.
func Open(ctx context.Context, where, schema string) (*DB, error) {
	db, err := connect(where)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := db.migrateUnlocked(ctx, schema); err != nil {
		_ = db.Close()                   // the first error is the cause
		if db.Dialect == outbox.SQLite { // its errors do not name the file
			err = fmt.Errorf("%s: %w", where, err)
		}
		return nil, fmt.Errorf("database: %w", err)
	}
	return db, nil
}

// IsPostgres reports whether where is the URL of a PostgreSQL.
func IsPostgres(where string) bool {
	return strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://")
}

// maxConns is the largest number of connections of one DB. A PostgreSQL accepts 100 from all
// of its clients by default.
const maxConns = 8

func connect(where string) (*DB, error) {
	if IsPostgres(where) {
		db, err := sql.Open("pgx", where)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(maxConns) // by default there is no limit, and all but two are closed after each use
		db.SetMaxIdleConns(maxConns)
		return &DB{db, outbox.Postgres}, nil
	}
	pragmas := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "journal_mode(WAL)", "synchronous(NORMAL)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: where}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer: waiting here is fairer than in its busy handler
	return &DB{db, outbox.SQLite}, nil
}

// patience is how long SQLite and Open wait for the lock of another process.
const patience = 30 * time.Second

// migrateUnlocked retries while another process holds the lock on the file: SQLite itself does
// not wait when it switches a new file to WAL mode.
func (db *DB) migrateUnlocked(ctx context.Context, schema string) error {
	for end := time.Now().Add(patience); ; {
		err := db.migrate(ctx, schema)
		if !isBusy(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// isBusy reports whether SQLite refused because of another connection's lock.
func isBusy(err error) bool {
	failed, ok := errors.AsType[*sqlite.Error](err)
	return ok && failed.Code()&0xff == sqlite3.SQLITE_BUSY // the upper bits are the extended code
}

// migrate executes the schema while it holds a lock against other processes: if two
// connections create the same table at once, PostgreSQL refuses the second.
func (db *DB) migrate(ctx context.Context, schema string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if db.Dialect == outbox.Postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('signup', 0))"); err != nil {
			return err
		}
	}
	for statement := range strings.SplitSeq(schema, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
