package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

// secret stands in the broken files wherever one could be, and nowhere else.
const secret = "hunter2"

func TestEveryFaultOfABrokenFileIsReportedInOneGo(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("got %d files and %v, want 40 or more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(config.Source{
				Name: file, Data: data, Handlers: []string{"send-welcome", "send-invoice"}, Batches: []string{"store"}, LookupEnv: lookup,
			})
			all, ok := errors.AsType[*config.Error](err)
			if !ok || c != nil {
				t.Fatalf("got %v and %v, want an *Error alone", c, err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(all.Verbose()))
			if strings.Contains(all.Verbose()+all.Error(), secret) {
				t.Errorf("a secret is in the error: %s", all.Verbose())
			}
		})
	}
}

func lookup(name string) (string, bool) {
	value, ok := map[string]string{
		"WORD": "eight", "SECONDS": "30", "PASSWORD": secret, "SET": "",
	}[name]
	return value, ok
}
