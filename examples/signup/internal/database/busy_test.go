package database_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/database"
)

// Another process may hold the write lock while a service starts. SQLite itself does not
// wait for the lock until the file is in WAL mode.
func TestOpenWaitsForTheWriteLock(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"DELETE", "WAL"} {
		t.Run(journal, func(t *testing.T) {
			t.Parallel()
			where := filepath.Join(t.TempDir(), "test.db")
			other, err := sql.Open("sqlite", "file:"+where+"?_pragma=journal_mode("+journal+")&_txlock=immediate")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = other.Close() }()
			tx, err := other.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), "CREATE TABLE first (k TEXT)")
			}
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(200*time.Millisecond, func() { _ = tx.Commit() })
			db, err := database.Open(t.Context(), where, "CREATE TABLE IF NOT EXISTS t (k TEXT);\n")
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
