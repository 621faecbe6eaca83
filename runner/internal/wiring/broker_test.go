package wiring_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// TestFilesOfTheBrokerAreReadAtEachDial: the URL and the password rotate while the runner
// is at work, without a reload.
func TestFilesOfTheBrokerAreReadAtEachDial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("url", "amqp://first.example.org/")
	write("password", "p@ss/1\n")
	file := "broker: {url: {file: url}, username: worker, password: {file: password}}\n"
	c, err := config.Load(config.Source{Name: filepath.Join(dir, "config.yaml"), Data: []byte(file)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := wiring.Broker(c.Broker)
	if err != nil || b.URL != "amqp://worker:p%40ss%2F1@first.example.org/" {
		t.Fatalf("got %q and %v, want the URL with the credentials", b.URL, err)
	}
	write("url", "amqp://second.example.org/")
	write("password", "p2")
	urls, _, err := b.Reload(t.Context())
	if err != nil || len(urls) != 1 || urls[0] != "amqp://worker:p2@second.example.org/" {
		t.Errorf("got %q and %v, want what the files have now", urls, err)
	}
	write("password", "")
	if _, _, err := b.Reload(t.Context()); err == nil {
		t.Error("an empty password file is no error")
	}
}
