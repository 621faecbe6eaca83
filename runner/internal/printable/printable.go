// Package printable makes text from messages safe to print: what a publisher wrote must
// not command a terminal, forge lines or cells, or reorder what stands beside it.
package printable

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// replacement stands for a character that is not printed.
const replacement = utf8.RuneError

// is reports whether r can be seen, is as wide as it looks, and changes nothing else:
// neither a control (C0, C1), nor a format character (bidi controls and isolates,
// zero-width), nor an unassigned or private one.
func is(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Cell returns text as one line, for a cell of a table: spaces of all kinds, line breaks
// among them, become one space each.
func Cell(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case is(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return replacement
	}, text)
}

// Text returns text with its line breaks and tabs.
func Text(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', is(r):
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		}
		return replacement
	}, text)
}

// JSON returns data, which is JSON, with \u escapes for what Text would replace. Its
// value stays the same.
func JSON(data []byte) []byte {
	return escape(data, func(out []byte, r rune) []byte {
		if r <= 0xffff {
			return fmt.Appendf(out, `\u%04x`, r)
		}
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	})
}

// isUnsafe reports whether r must be escaped in a quoted text, where encoders see to the
// controls below the space.
func isUnsafe(r rune) bool { return r >= ' ' && !unicode.Is(unicode.Zs, r) && !is(r) }

// escape writes each unsafe rune as write does. Bytes that are no UTF-8 become U+FFFD, as
// a decoder reads them.
func escape(data []byte, write func(out []byte, r rune) []byte) []byte {
	if utf8.Valid(data) && !bytes.ContainsFunc(data, isUnsafe) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for _, r := range string(data) {
		if isUnsafe(r) {
			out = write(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// JSONWriter returns a writer that escapes JSON as JSON does. Each Write must hold whole
// values.
func JSONWriter(out io.Writer) io.Writer { return jsonWriter{out} }

type jsonWriter struct{ out io.Writer }

func (w jsonWriter) Write(data []byte) (int, error) {
	if _, err := w.out.Write(JSON(data)); err != nil {
		return 0, err
	}
	return len(data), nil
}
