// Package sqlite opens SQLite databases for tests.
package sqlite

import (
	"database/sql"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Open opens the file as another process would, with one connection, executes the statements of
// schema, and closes it when the test ends.
func Open(tb testing.TB, file, schema string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(30000)&_txlock=immediate")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	if _, err := db.ExecContext(tb.Context(), schema); err != nil {
		tb.Fatal(err)
	}
	return db
}
