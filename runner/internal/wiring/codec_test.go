package wiring_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// codecOf returns the only codec of a configuration.
func codecOf(t *testing.T, yaml string) *codec.Codec {
	t.Helper()
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte("codecs:\n  - {name: c, " + yaml + "}\n")})
	if err != nil {
		t.Fatal(err)
	}
	all := wiring.NewCodecs(c, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := all.Close(); err != nil {
			t.Error(err)
		}
	})
	made, err := all.Of("c")
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestTheFirstKeyOfTheFileSeals, also after the file has changed, while a broken file changes
// nothing.
func TestTheFirstKeyOfTheFileSeals(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys")
	line := func(k seal.Key) string { return k.ID + " " + base64.StdEncoding.EncodeToString(k.Secret) + "\n" }
	old, fresh := line(seal.NewKey("old")), line(seal.NewKey("new"))
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(old)
	synctest.Test(t, func(t *testing.T) {
		bodies := codecOf(t, "seal: {keys: {file: "+file+"}}")
		first := new(message.Message)
		for _, step := range []struct{ text, want string }{{old, "old"}, {fresh + old, "new"}, {"broken", "new"}, {"", "new"}, {old, "old"}} {
			write(step.text)
			time.Sleep(2 * time.Second)
			m := &message.Message{ID: "1"}
			if err := bodies.MarshalMessage(t.Context(), m, []byte("secret")); err != nil {
				t.Fatal(err)
			}
			if id, _ := seal.KeyID(m); id != step.want {
				t.Errorf("with the file %q, key %q seals, want %s", step.text, id, step.want)
			}
			if first.Body == nil {
				first = m
			}
			if _, _, err := bodies.OpenMessage(t.Context(), first); err != nil {
				t.Errorf("with the file %q: %v", step.text, err)
			}
		}
	})
}

// TestBothCompressionsAreOpened, whichever of them a codec writes.
func TestBothCompressionsAreOpened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gzip", "zstd"} {
		m := new(message.Message)
		if err := codecOf(t, "compress: "+name+", min_bytes: 10B").MarshalMessage(t.Context(), m, make([]byte, 5000)); err != nil || m.ContentEncoding != name {
			t.Fatalf("the encoding is %q and the error %v, want %s", m.ContentEncoding, err, name)
		}
		if opened, _, err := codecOf(t, "max_bytes: 5000B").OpenMessage(t.Context(), m); err != nil || len(opened.Body) != 5000 {
			t.Errorf("%s: got %v and %v, want the body", name, opened, err)
		}
		if _, _, err := codecOf(t, "max_bytes: 4999B").OpenMessage(t.Context(), m); err == nil {
			t.Errorf("%s: a body beyond max_bytes was opened", name)
		}
	}
}

// TestBodiesAreStoredInPostgreSQL by the codec of a configuration.
func TestBodiesAreStoredInPostgreSQL(t *testing.T) {
	t.Parallel()
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		t.Fatal("DATABASE_URL is not set: run make test, or scripts/postgres run go test")
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	schema := "t" + strings.ToLower(rand.Text()[:10])
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Error(err)
		}
	}
	exec("CREATE SCHEMA " + schema)
	t.Cleanup(func() {
		exec("DROP SCHEMA " + schema + " CASCADE")
		_ = db.Close()
	})
	and := map[bool]string{true: "&", false: "?"}[strings.Contains(url, "?")]
	bodies := codecOf(t, `claim: {min_bytes: 10B, postgres: "`+url+and+"search_path="+schema+`"}`)
	m := &message.Message{ID: "1"}
	if err := bodies.MarshalMessage(t.Context(), m, []byte("a large body")); err == nil {
		t.Error("a body is stored without the table")
	}
	exec("SET search_path TO " + schema + "; " + claim.SQLSchema + "; SET search_path TO DEFAULT")
	if err := bodies.MarshalMessage(t.Context(), m, []byte("a large body")); err != nil || m.ContentEncoding != claim.Name {
		t.Fatalf("the encoding is %q and the error %v, want %s", m.ContentEncoding, err, claim.Name)
	}
	if opened, _, err := bodies.OpenMessage(t.Context(), m); err != nil || string(opened.Body) != "a large body" {
		t.Errorf("got %v and %v, want the body", opened, err)
	}
	exec("DELETE FROM " + schema + ".warren_claim")
	if _, _, err := bodies.OpenMessage(t.Context(), m); !errors.Is(err, codec.ErrUnavailable) {
		t.Errorf("got %v for a body that is not there, want ErrUnavailable", err)
	}
}
