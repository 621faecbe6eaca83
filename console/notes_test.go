package console_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/console"
)

// notesState is what the API says about notes.
type notesState struct {
	Lasting bool
	Notes   []struct{ Group, ID, Text, By string }
}

func (b *bench) notes() (s notesState) {
	b.t.Helper()
	b.get("deadletters/"+b.queue+"/notes", &s)
	return s
}

func openNotes(t *testing.T, file string) *console.Notes {
	t.Helper()
	n, err := console.OpenNotes(file)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNotesAreShownReplacedAndRemovedAndOutliveTheConsole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "notes.json")
	b := newBench(t, func(c *console.Config) { c.Notes = openNotes(t, file) })
	b.fail(2, "card", "card was declined")
	path, group := "deadletters/"+b.queue, b.letters("?fresh=1").Groups[0].Fingerprint
	b.must(path+"/note", map[string]any{"group": group, "text": "first"})
	b.must(path+"/note", map[string]any{"group": group, "text": "the bank mends it"})
	b.must(path+"/note", map[string]any{"id": "card-1", "text": "this one is a test\nof ours"})
	s := b.notes()
	if len(s.Notes) != 2 || !s.Lasting || s.Notes[0].ID != "card-1" || s.Notes[1].Text != "the bank mends it" || s.Notes[1].By != "api" {
		t.Errorf("the notes are %+v, want one on the message and the second one on the group", s)
	}
	for page, want := range map[string][]string{
		path: {"the bank mends it", "2 notes"}, path + "/letters": {"this one is a test"}, path + "/notes": {"the bank mends it", "of ours"},
		path + "/letter?id=card-1": {"the bank mends it", "this one is a test"}, path + "/letter?id=card-0": {"the bank mends it"},
	} {
		html := b.page(page)
		for _, text := range want {
			if !strings.Contains(html, text) {
				t.Errorf("%s does not show %q", page, text)
			}
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v), want one for its owner alone", info, err)
	}
	next := newBench(t, func(c *console.Config) { c.Notes = openNotes(t, file); c.Topology = nil })
	next.queue = b.queue
	if again := next.notes(); len(again.Notes) != 2 {
		t.Errorf("another console has the notes %+v, want both", again)
	}
	b.must(path+"/note", map[string]any{"group": group, "text": " "})
	if s := b.notes(); len(s.Notes) != 1 {
		t.Errorf("the notes are %+v after one was removed, want one", s)
	}
}

func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.declare()
	path := "deadletters/" + b.queue + "/note"
	for name, tt := range map[string]struct {
		note   map[string]any
		status int
	}{
		"a note on a group":       {map[string]any{"group": "g", "text": strings.Repeat("x", 2000)}, http.StatusOK},
		"a text that is too long": {map[string]any{"group": "g", "text": strings.Repeat("x", 2001)}, http.StatusBadRequest},
		"an id that is too long":  {map[string]any{"id": strings.Repeat("x", 256), "text": "x"}, http.StatusBadRequest},
		"neither group nor id":    {map[string]any{"text": "x"}, http.StatusBadRequest},
		"both":                    {map[string]any{"group": "g", "id": "i", "text": "x"}, http.StatusBadRequest},
		"both, one of them meant": {map[string]any{"group": "g", "id": "i", "about": "message", "text": "x"}, http.StatusOK},
	} {
		if status, d := b.act(path, tt.note); status != tt.status {
			t.Errorf("%s: status %d (%s), want %d", name, status, d.Error, tt.status)
		}
	}
	if s := b.notes(); s.Lasting || len(s.Notes) != 2 {
		t.Errorf("the notes are %+v, want two that end with the process", s)
	}
}

func TestNotesThatCannotBeReadAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`[{"text": "half of a`), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{broken: "repair or move the file", filepath.Join(dir, "none", "notes.json"): "no such file"} {
		if _, err := console.OpenNotes(file); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "console: ") {
			t.Errorf("OpenNotes(%s) returned %v, want an error with %q", file, err, want)
		}
	}
	if data, err := os.ReadFile(broken); err != nil || string(data) != `[{"text": "half of a` {
		t.Errorf("the file is %q (%v), want it as it was", data, err)
	}
}

func TestANoteThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "notes")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *console.Config) { c.Notes = openNotes(t, filepath.Join(dir, "notes.json")) })
	b.declare()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if status, d := b.act("deadletters/"+b.queue+"/note", map[string]any{"id": "i", "text": "x"}); status != http.StatusInsufficientStorage || !strings.Contains(d.Error, "console: keep a note in ") {
		t.Errorf("status %d, %q; want 507 with the file", status, d.Error)
	}
	if s := b.notes(); len(s.Notes) != 0 {
		t.Errorf("the notes are %+v, want none", s)
	}
}
