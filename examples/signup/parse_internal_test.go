package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, args, listen, prefix string // prefix: what it begins with
	}{
		{"a person finds the usual port and names", "", "127.0.0.1:8080", ""},
		{"a self-test is in nobody's way", "-self-test", "127.0.0.1:0", "selftest-"},
		{"a self-test goes where it is told", "-self-test -listen :7 -prefix x.", ":7", "x."},
		{"a prefix may be empty on purpose", "-self-test -prefix=", "127.0.0.1:0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, err := parse(strings.Fields(tt.args), io.Discard)
			if err != nil || o.listen != tt.listen || !strings.HasPrefix(o.prefix, tt.prefix) || (tt.prefix == "") != (o.prefix == "") {
				t.Errorf("got %q %q %v, want %q %q", o.listen, o.prefix, err, tt.listen, tt.prefix)
			}
		})
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h gives %v, want %v", err, flag.ErrHelp)
	}
	if _, err := parse([]string{"-bogus"}, io.Discard); err == nil {
		t.Error("-bogus is taken")
	}
}
