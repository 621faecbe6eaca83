package command

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgressShowsHowManyOfHowMany(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, 3, "publishing")
	p.add(2)
	p.end()
	if got := out.String(); !strings.Contains(got, "publishing") || !strings.Contains(got, "2/3") {
		t.Errorf("got %q, want publishing and 2/3", got)
	}
}

func TestThereIsNoProgressWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := (&Program{Stderr: &out}).progress(3, "publishing")
	p.add(3)
	p.end()
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}
