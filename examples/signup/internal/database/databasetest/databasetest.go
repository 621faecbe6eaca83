// Package databasetest provides tests with a database of each kind: an SQLite file, and a
// schema in a real PostgreSQL.
package databasetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Each runs f once for each kind of database. The argument where, for database.Open, is a
// new database each time.
func Each(t *testing.T, f func(t *testing.T, where string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, filepath.Join(t.TempDir(), "test.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, Postgres(t))
	})
}

// Postgres creates a schema and returns a URL that selects it. It uses the server at
// DATABASE_URL, or one that scripts/postgres starts for the test.
func Postgres(t *testing.T) string {
	t.Helper()
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		url = start(t)
	}
	schema := "t" + strings.ToLower(rand.Text()[:10])
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		if _, err := admin.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Error(err)
		}
	}
	exec("CREATE SCHEMA " + schema)
	t.Cleanup(func() {
		exec("DROP SCHEMA " + schema + " CASCADE")
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	if strings.Contains(url, "?") {
		return url + "&search_path=" + schema
	}
	return url + "?search_path=" + schema
}

// start starts a cluster. The test's cleanup removes it.
func start(t *testing.T) (url string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "signup-pg-") //nolint:usetesting // the user postgres must be able to enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		script(t, "remove", dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return script(t, "start", dir)
}

// script runs scripts/postgres by its path relative to the packages beside database.
func script(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../../../scripts/postgres", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("scripts/postgres %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}
