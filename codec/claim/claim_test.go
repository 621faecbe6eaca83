package claim_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/claim"
	"github.com/warren-mq/warren/codec/claim/claimtest"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/sqlite"
	"github.com/warren-mq/warren/message"
)

func openDir(t *testing.T, folder string) *claim.Dir {
	t.Helper()
	d, err := claim.OpenDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestDirKeepsTheContract(t *testing.T) {
	t.Parallel()
	claimtest.Run(t, func(t *testing.T) (one, other claim.Store) {
		t.Helper()
		folder := t.TempDir()
		return openDir(t, folder), openDir(t, folder)
	})
}

// TestSQLKeepsTheContract uses one SQLite file over two pools, as two processes would.
// PostgreSQL is tested in examples/signup/internal/database.
func TestSQLKeepsTheContract(t *testing.T) {
	t.Parallel()
	claimtest.Run(t, func(t *testing.T) (one, other claim.Store) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "bodies.db")
		return openSQL(t, file), openSQL(t, file)
	})
}

func openSQL(t *testing.T, file string) *claim.SQL {
	t.Helper()
	return claim.NewSQL(sqlite.Open(t, file, claim.SQLSchema))
}

// sweeper is a store of this package.
type sweeper interface {
	claim.Store
	Sweep(ctx context.Context, age time.Duration) (int64, error)
}

func TestSweepDeletesOldBodies(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]sweeper{"dir": openDir(t, t.TempDir()), "sql": openSQL(t, filepath.Join(t.TempDir(), "b.db"))} {
		key := rand.Text()
		if err := s.Put(t.Context(), key, []byte("body")); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(t.Context(), time.Hour); n != 0 || err != nil {
			t.Errorf("%s: %d bodies deleted, %v; want none", name, n, err)
		}
		if n, err := s.Sweep(t.Context(), -time.Hour); n != 1 || err != nil {
			t.Errorf("%s: %d bodies deleted, %v; want 1", name, n, err)
		}
		if _, err := s.Get(t.Context(), key, 100); !errors.Is(err, claim.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

// TestSweepLeavesFilesOfOthers in a folder that is shared with other programs.
func TestSweepLeavesFilesOfOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d := openDir(t, folder)
	key, misplaced := rand.Text(), rand.Text()
	if err := d.Put(t.Context(), key, []byte("body")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	kept := []string{"README", ".lock", misplaced, "backup/" + misplaced, "backup/.hidden", key[:2] + "/notes.txt", key[:2] + "/.keep"}
	for _, name := range append(kept, key[:2]+"/."+rand.Text()) {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := d.Sweep(t.Context(), -time.Hour); n != 2 || err != nil {
		t.Errorf("%d files deleted, %v; want the body, and the body that was being written", n, err)
	}
	if left := files(t, folder); len(left) != len(kept) {
		t.Errorf("the files left are %q, want %q", left, kept)
	}
}

func TestSweepDeletesManyBodiesOfADatabase(t *testing.T) {
	t.Parallel()
	s := openSQL(t, filepath.Join(t.TempDir(), "b.db"))
	for range 250 { // more than two deletions
		if err := s.Put(t.Context(), rand.Text(), []byte("body")); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Sweep(t.Context(), -time.Hour); n != 250 || err != nil {
		t.Errorf("%d bodies deleted, %v; want 250", n, err)
	}
}

// TestADirStaysInItsFolder uses keys that would be paths.
func TestADirStaysInItsFolder(t *testing.T) {
	t.Parallel()
	d := openDir(t, t.TempDir())
	for _, key := range []string{"", "a", "../../../../../etc/passwdA", strings.Repeat("/", 26), strings.ToLower(rand.Text())} {
		_, err := d.Get(t.Context(), key, 100)
		for _, err := range []error{err, d.Put(t.Context(), key, nil), d.Delete(t.Context(), key)} {
			if err == nil || !strings.Contains(err.Error(), "is malformed") {
				t.Errorf("key %q: %v, want that it is malformed", key, err)
			}
		}
	}
	if _, err := claim.OpenDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
}

func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func marshalled(t *testing.T, c *codec.Codec, body string) *message.Message {
	t.Helper()
	m := &message.Message{ID: "1"}
	if err := c.MarshalMessage(t.Context(), m, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOnlyLargeBodiesAreStored(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := codec.New(handler.Raw(), claim.Encoding(openDir(t, folder), claim.Config{MinBytes: 100}))
	if m := marshalled(t, c, "small"); m.ContentEncoding != "" || string(m.Body) != "small" || len(files(t, folder)) != 0 {
		t.Errorf("a small body became %s, %s", m.ContentEncoding, m.Body)
	}
	large := strings.Repeat("x", 100)
	m := marshalled(t, c, large)
	if m.ContentEncoding != claim.Name || len(m.Body) > 200 || len(files(t, folder)) != 1 {
		t.Errorf("a large body became %s, %s", m.ContentEncoding, m.Body)
	}
	opened, _, err := c.OpenMessage(t.Context(), m)
	if err != nil || string(opened.Body) != large {
		t.Errorf("got %v, %v", opened, err)
	}
}

func TestABodyThatCouldNotBeReadIsNotStored(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := codec.New(handler.Raw(), claim.Encoding(openDir(t, folder), claim.Config{MinBytes: -1, MaxBytes: 10}))
	err := c.MarshalMessage(t.Context(), &message.Message{ID: "7"}, make([]byte, 11))
	if err == nil || !strings.Contains(err.Error(), `message "7": consumers could not read it (got 11 bytes, want at most MaxBytes, which is 10)`) {
		t.Errorf("got %v, want both sizes", err)
	}
	if n := len(files(t, folder)); n != 0 {
		t.Errorf("the folder has %d files, want none", n)
	}
}

func TestReferencesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := codec.New(handler.Raw(), claim.Encoding(openDir(t, folder), claim.Config{MinBytes: -1, MaxBytes: 1000}))
	m := marshalled(t, c, strings.Repeat("x", 100))
	file := files(t, folder)[0]
	fails := func(name, want string, body []byte, permanent bool) {
		t.Helper()
		_, _, err := c.OpenMessage(t.Context(), &message.Message{ContentEncoding: claim.Name, Body: body})
		_, isDecode := errors.AsType[*handler.DecodeError](err)
		if err == nil || !strings.Contains(err.Error(), want) || isDecode != permanent {
			t.Errorf("%s: %v, want %q, permanent: %v", name, err, want, permanent)
		}
	}
	fails("no JSON", "malformed", []byte("x"), true)
	fails("another key", "malformed", bytes.Replace(m.Body, []byte(`{"key":"`), []byte(`{"key":"../`), 1), true)
	fails("a large reference", "at most 1024", bytes.Repeat([]byte(" "), 1025), true)
	fails("a large body", "want at most 1000", bytes.Replace(m.Body, []byte(`"bytes":100`), []byte(`"bytes":1001`), 1), true)
	if err := os.WriteFile(file, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("a changed body", "was changed", m.Body, true)
	if err := os.WriteFile(file, make([]byte, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	fails("a body that has grown", "want at most 1000", m.Body, false)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	fails("a missing body", "no such body", m.Body, false)
}

// TestAFailedPublishLeavesNoBody publishes to a queue that does not exist, to one that is full,
// and to one that takes the message. Only the first is surely in no queue.
func TestAFailedPublishLeavesNoBody(t *testing.T) {
	t.Parallel()
	dev := devbroker.New()
	pub := broker.NewPublisher(broker.Config{URL: dev.URL(), Dial: dev.DialContext}, "")
	t.Cleanup(func() {
		if err := errors.Join(pub.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
	})
	folder := t.TempDir()
	bodies := broker.WithCodec(codec.New(handler.Raw(), claim.Encoding(openDir(t, folder), claim.Config{MinBytes: -1})))
	if err := pub.Publish(t.Context(), "none", []byte("body"), bodies); !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("got %v, want ErrUnroutable", err)
	}
	err := pub.PublishBatch(t.Context(), broker.Item{Key: "none", Body: []byte("body"), Options: []broker.Option{bodies}})
	if !errors.Is(err, broker.ErrUnroutable) {
		t.Errorf("got %v, want ErrUnroutable", err)
	}
	if err := pub.Publish(t.Context(), "none", []byte("body"), bodies, broker.WithHeader("CC", "x"), broker.WithDelay(time.Hour)); !errors.Is(err, broker.ErrMalformed) {
		t.Errorf("got %v, want ErrMalformed", err)
	}
	if left := files(t, folder); len(left) != 0 {
		t.Errorf("left are %v, want no body", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pub.Publish(ctx, "none", []byte("body"), bodies); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the error of the context", err)
	}
	if left := files(t, folder); len(left) != 1 {
		t.Errorf("left are %v, want the body of the message that may have been sent", left)
	}
}

func FuzzDecode(f *testing.F) {
	folder := f.TempDir()
	d, err := claim.OpenDir(folder)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() })
	c := codec.New(handler.Raw(), claim.Encoding(d, claim.Config{MinBytes: -1}))
	m := &message.Message{}
	if err := c.MarshalMessage(f.Context(), m, []byte("body")); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Body)
	f.Add([]byte(`{"key":"../../../../../../../../../A","bytes":1,"sha256":""}`))
	f.Fuzz(func(t *testing.T, reference []byte) {
		opened, _, err := c.OpenMessage(t.Context(), &message.Message{ContentEncoding: claim.Name, Body: reference})
		if err == nil && string(opened.Body) != "body" {
			t.Fatalf("%q opened %q", reference, opened.Body)
		}
	})
}
