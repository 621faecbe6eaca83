// Package printable makes text from messages safe to print. Text from a publisher must not
// control a terminal, forge lines or cells, or reorder other text.
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

// replacement replaces a character that is not printed.
const replacement = utf8.RuneError

// is reports whether r is a visible character. Not printable are control characters (C0,
// C1), format characters (bidi controls and isolates, zero-width), and unassigned and
// private characters.
func is(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Cell returns text as one line, for a cell of a table. Each space of any kind, including
// line breaks, becomes one space.
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

// JSON returns JSON data with \u escapes for the characters that Text would replace. The
// value stays the same.
func JSON(data []byte) []byte {
	return Escape(data, func(out []byte, r rune) []byte {
		if r <= 0xffff {
			return fmt.Appendf(out, `\u%04x`, r)
		}
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	})
}

// IsUnsafe reports whether r must be escaped in a quoted text. Encoders escape the control
// characters below the space themselves.
func IsUnsafe(r rune) bool { return r >= ' ' && !unicode.Is(unicode.Zs, r) && !is(r) }

// Escape calls write for each unsafe rune. Bytes that are not UTF-8 become U+FFFD, as in a
// decoder.
func Escape(data []byte, write func(out []byte, r rune) []byte) []byte {
	if utf8.Valid(data) && !bytes.ContainsFunc(data, IsUnsafe) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for _, r := range string(data) {
		if IsUnsafe(r) {
			out = write(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// JSONWriter returns a writer that escapes JSON in the same way as the function JSON. Each
// Write must contain whole values.
func JSONWriter(out io.Writer) io.Writer { return jsonWriter{out} }

type jsonWriter struct{ out io.Writer }

func (w jsonWriter) Write(data []byte) (int, error) {
	if _, err := w.out.Write(JSON(data)); err != nil {
		return 0, err
	}
	return len(data), nil
}
