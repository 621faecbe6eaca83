package config_test

import (
	"flag"
	"os"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

const root = "../../../"

func TestTheCommittedSchemaIsFresh(t *testing.T) {
	t.Parallel()
	golden(t, root+"config.schema.json", config.Schema())
}

// golden compares got with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what comes out now; go test -update writes it. Got:\n%s", name, got)
	}
}
