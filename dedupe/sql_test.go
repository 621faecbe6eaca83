package dedupe_test

import (
	"path/filepath"
	"testing"
	"time"

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

func TestForgetDeletesOldMarksAndClaims(t *testing.T) {
	t.Parallel()
	s := openSQL(t, filepath.Join(t.TempDir(), "handled.db"))
	claim := func(key string, lease time.Duration) dedupe.Token {
		won, token, err := s.Claim(t.Context(), key, lease)
		if won != dedupe.Won || err != nil {
			t.Fatalf("key %s: got %v, %v, want the claim won", key, won, err)
		}
		return token
	}
	if err := s.Complete(t.Context(), "handled", claim("handled", time.Minute)); err != nil {
		t.Fatal(err)
	}
	token := claim("killed", -time.Hour) // its process does not live
	claim("running", time.Hour)
	if n, err := s.Forget(t.Context(), 2*time.Hour); n != 0 || err != nil {
		t.Errorf("%d keys deleted, %v; want none, which are younger", n, err)
	}
	if n, err := s.Forget(t.Context(), 30*time.Minute); n != 1 || err != nil {
		t.Errorf("%d keys deleted, %v; want the claim whose lease has ended", n, err)
	}
	if n, err := s.Forget(t.Context(), -time.Minute); n != 1 || err != nil {
		t.Errorf("%d keys deleted, %v; want the handled one", n, err)
	}
	if state, _, err := s.Claim(t.Context(), "running", time.Hour); state != dedupe.Busy || err != nil {
		t.Errorf("the running claim is %v, %v; want that it holds", state, err)
	}
	if err := s.Complete(t.Context(), "killed", token); err != nil {
		t.Errorf("the late completion of a deleted claim: %v", err)
	}
}

func TestForgetDeletesManyKeys(t *testing.T) {
	t.Parallel()
	db := sqlite.Open(t, filepath.Join(t.TempDir(), "handled.db"), dedupe.SQLSchema)
	if _, err := db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 2500)
		INSERT INTO warren_dedupe (key, token, leased_until, done_at) SELECT 'k' || i, '', 0, CASE WHEN i <= 1500 THEN 1 END FROM n`); err != nil {
		t.Fatal(err)
	}
	if n, err := dedupe.NewSQL(db).Forget(t.Context(), time.Hour); n != 2500 || err != nil {
		t.Errorf("%d keys deleted, %v; want 2500", n, err)
	}
}
