package printable_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unicode"

	"github.com/warren-mq/warren/internal/printable"
)

func TestTerminalSequencesAreNotPrinted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, cell, lines string }{
		"plain text stays":                       {"Grüße, Πλάτων 👍", "Grüße, Πλάτων 👍", "Grüße, Πλάτων 👍"},
		"an escape is replaced":                  {"\x1b]0;own\x07", "\ufffd]0;own\ufffd", "\ufffd]0;own\ufffd"},
		"so is one byte of C1":                   {"a\u009b31mb", "a\ufffd31mb", "a\ufffd31mb"},
		"so is a carriage return in a text":      {"good\rbad", "good bad", "good\ufffdbad"},
		"lines stay in a text alone":             {"a\nb\tc", "a b c", "a\nb\tc"},
		"bidi controls are replaced":             {"a\u202eb\u2066c\u200f", "a\ufffdb\ufffdc\ufffd", "a\ufffdb\ufffdc\ufffd"},
		"what has no width is replaced":          {"a\u200bb\ufeffc\u3164d", "a\ufffdb\ufffdc\ufffdd", "a\ufffdb\ufffdc\ufffdd"},
		"other spaces are spaces":                {"a\u00a0b", "a b", "a b"},
		"line separators are no lines":           {"a\u2028b", "a b", "a\ufffdb"},
		"what is no UTF-8 is replaced":           {"a\xffb", "a\ufffdb", "a\ufffdb"},
		"tags, which carry hidden text, are not": {"a\U000e0041b", "a\ufffdb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := printable.Cell(tt.text); got != tt.cell {
				t.Errorf("cell %q, want %q", got, tt.cell)
			}
			if got := printable.Text(tt.text); got != tt.lines {
				t.Errorf("text %q, want %q", got, tt.lines)
			}
		})
	}
}

// harmful lists runes by what they are, apart from the code that is tested.
var harmful = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Join_Control,
	unicode.Other_Default_Ignorable_Code_Point,
}

func isHarmful(r rune) bool { return r != '\n' && r != '\t' && unicode.In(r, harmful...) }

func FuzzPrintedTextIsHarmless(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[2Jb", "\u202e\u2069", "\u009b", "\xff\xfe", "a\r\nb", "\U000e0041", "\u3164"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if cell := printable.Cell(text); strings.ContainsFunc(cell, isHarmful) || strings.ContainsAny(cell, "\n\t") {
			t.Errorf("cell %q", cell)
		}
		if lines := printable.Text(text); strings.ContainsFunc(lines, isHarmful) || strings.Count(lines, "\n") != strings.Count(text, "\n") {
			t.Errorf("text %q", lines)
		}
		var encoded bytes.Buffer
		e := json.NewEncoder(&encoded)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]string{"k" + text: text}); err != nil {
			t.Fatal(err)
		}
		same(t, encoded.Bytes(), printable.JSON(encoded.Bytes()))
	})
}

// same wants what is printed to be harmless and to have the value of the JSON.
func same(t *testing.T, original, printed []byte) {
	t.Helper()
	var want, got map[string]string
	if err := json.Unmarshal(original, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(printed, &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("%q reads as %q and %v, want %q", printed, got, err, want)
	}
	if bytes.ContainsFunc(printed, isHarmful) {
		t.Errorf("%q is harmful", printed)
	}
}
