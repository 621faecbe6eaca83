package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"a file over 1 MiB":                {strings.Repeat("#", config.MaxBytes+1), "the file has 1048577 bytes, want at most 1MiB"},
		"lists nested 400,000 deep":        {"x: " + strings.Repeat("[", 400_000), "this is not YAML"},
		"lists nested 9,000 deep":          {"queues: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), "nested more than 64 levels deep"},
		"maps nested 9,000 deep":           {"queues: " + strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000), "nested more than 64 levels deep"},
		"200,000 items":                    {"queues: [" + strings.Repeat("1,", 200_000) + "]", "more than 99999 nodes"},
		"a key of 1,000 bytes":             {"log: {" + strings.Repeat("k", 1_000) + ": [1, 2]}", "the key has 1000 bytes, want at most 255"},
		"keys of 250 bytes in one another": {"schedules: [{body: " + strings.Repeat("{"+strings.Repeat("k", 250)+": ", 10) + strings.Repeat("}", 10) + "}]", "want at most 1000 bytes of keys"},
		"a name of 100,000 bytes":          {"queues: [{exchange: " + strings.Repeat("x", 100_000) + "}]", "has 100000 characters, want at most 255"},
		"100,000 keys":                     {"log: {" + keys(100_000) + "}", "more than 99999 nodes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := config.Load(config.Source{Name: "c.yaml", Data: []byte(tt.data), LookupEnv: unset})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k")
		b.WriteString(strings.Repeat("x", i%3))
		for ; i > 0; i /= 26 {
			b.WriteByte(byte('a' + i%26))
		}
		b.WriteString(": 1,")
	}
	return b.String()
}

func TestReadFileHoldsNoMoreThanItsLimit(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := config.ReadFile(name, 5); err != nil || string(data) != "12345" {
		t.Errorf("got %q and %v, want the file", data, err)
	}
	if _, err := config.ReadFile(name, 4); err == nil || !strings.Contains(err.Error(), "want at most 4 bytes") {
		t.Errorf("got %v, want it refused", err)
	}
	if _, err := config.ReadFile("/dev/zero", config.MaxBytes); err == nil {
		t.Error("an endless file is read")
	}
}
