package dedupe_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
)

// TestSQLKeepsTheContract uses one SQLite file over two pools, as two processes would.
// PostgreSQL is tested in examples/signup/internal/database.
func TestSQLKeepsTheContract(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(t *testing.T) (one, other dedupe.Store) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "handled.db")
		return openSQL(t, file), openSQL(t, file)
	})
}

func openSQL(t *testing.T, file string) *dedupe.SQL {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(30000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.ExecContext(t.Context(), dedupe.SQLSchema); err != nil {
		t.Fatal(err)
	}
	return dedupe.NewSQL(db)
}
