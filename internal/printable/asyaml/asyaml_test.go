package asyaml_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/internal/printable/asyaml"
)

// harmful lists runes by what they are, apart from the code that is tested.
var harmful = []*unicode.RangeTable{
	unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Join_Control,
	unicode.Other_Default_Ignorable_Code_Point,
}

func FuzzEncodedTextIsHarmless(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[2Jb", "\u202e\u2069", "\u009b", "\xff\xfe", "a\r\nb", "\U000e0041", "\u3164"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var original bytes.Buffer
		e := json.NewEncoder(&original)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]string{"k" + text: text}); err != nil {
			t.Fatal(err)
		}
		printed, err := asyaml.Encode(original.Bytes())
		if err != nil {
			t.Fatalf("%q: %v", original.Bytes(), err)
		}
		var want, got map[string]string
		if err := json.Unmarshal(original.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(printed, &got); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q reads as %q and %v, want %q", printed, got, err, want)
		}
		if bytes.ContainsFunc(printed, func(r rune) bool { return r != '\n' && r != '\t' && unicode.In(r, harmful...) }) {
			t.Errorf("%q is harmful", printed)
		}
	})
}
