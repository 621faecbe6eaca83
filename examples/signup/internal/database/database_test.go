package database_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/database"
	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(envInboxURL) != "" {
		inboxChild()
	}
	goleak.VerifyTestMain(m)
}

func TestWhatCannotBeOpenedIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no", "such.db")
	for name, tt := range map[string]struct{ where, says string }{
		"a file in no folder":          {missing, "database: " + missing + ": "},
		"a server that is away":        {"postgres://user:secret@127.0.0.1:1/x", "127.0.0.1:1"},
		"a URL with a space":           {"postgres://user:secret@a b/x", "database: cannot parse"},
		"a password with a bad escape": {"postgres://user:secret%zz@host/x", "database: cannot parse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := database.Open(t.Context(), tt.where, "")
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestAFileMayHaveAnyName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "a?b#c%41.db", "ü.db"} {
		db, err := database.Open(t.Context(), filepath.Join(dir, name), "CREATE TABLE t (k TEXT);\n")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if found, err := filepath.Glob(filepath.Join(dir, "*.db")); err != nil || len(found) != 1 || filepath.Base(found[0]) != name {
			t.Errorf("got the files %q, %v; want %s", found, err, name)
		}
		dir = t.TempDir()
	}
}

func TestManyMayMigrateAtOnceAndAsOftenAsTheyLike(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		done := make(chan error)
		const openers = 8
		for range openers {
			go func() {
				db, err := database.Open(t.Context(), where, "CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY);\nCREATE INDEX IF NOT EXISTS i ON t (k)")
				if err == nil {
					err = db.Close()
				}
				done <- err
			}()
		}
		for range openers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
