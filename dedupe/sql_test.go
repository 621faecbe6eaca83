package dedupe_test

import (
	"path/filepath"
	"testing"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
	"github.com/warren-mq/warren/internal/sqlite"
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
	return dedupe.NewSQL(sqlite.Open(t, file, dedupe.SQLSchema))
}
