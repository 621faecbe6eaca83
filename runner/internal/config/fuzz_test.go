package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

// FuzzLoad wants no panic, an *Error with places for whatever is wrong, and of what is
// right something to show that is the same configuration.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.yaml", root + "config.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("got %d files and %v for %s", len(files), err, pattern)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	known := variables{"HANDS": "8", "PASSWORD": "sesame-open-sesame"}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := config.Source{Name: "testdata/fuzz.yaml", Data: data, Handlers: []string{"send-welcome"}, LookupEnv: known.lookup}
		c, err := config.Load(s)
		if err == nil {
			if !config.Diff(c, load(t, s)).Empty() || strings.Contains(string(c.Show(true)), known["PASSWORD"]) && !strings.Contains(string(data), known["PASSWORD"]) {
				t.Errorf("loaded twice, or shown, it is not as it should be:\n%s", c.Show(true))
			}
			return
		}
		all, ok := errors.AsType[*config.Error](err)
		if !ok || len(all.Faults) == 0 || c != nil {
			t.Fatalf("got %v and %v, want an *Error alone", c, err)
		}
		for _, fault := range all.Faults {
			if fault.Place == "" || fault.Text == "" {
				t.Errorf("got a fault without a place or text: %+v", fault)
			}
		}
		if strings.Contains(all.Verbose(), known["PASSWORD"]) && !strings.Contains(string(data), known["PASSWORD"]) {
			t.Errorf("the value of a variable is in the error: %s", all.Verbose())
		}
	})
}
