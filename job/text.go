package job

import (
	"bytes"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of another program's output an error contains, in bytes. The failure
// record keeps 2 KiB of an error, so the output must be well below that.
const maxText = 1 << 10

const ellipsis = "…"

// colours are the escape sequences of terminals.
var colours = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`)

// clean returns b as plain text on one line: valid UTF-8, without control characters and
// without invisible characters that reorder text.
func clean(b []byte) string {
	s := strings.ToValidUTF8(string(colours.ReplaceAll(b, nil)), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cleanHead returns the beginning of b as clean does, in at most n bytes.
func cleanHead(b []byte, n int) string {
	s := clean(b[:min(len(b), 4*n)]) // four times as much, because clean removes spaces and colours
	if len(s) <= n && len(b) <= 4*n {
		return s
	}
	end := min(len(s), n-len(ellipsis))
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// cleanTail returns the end of b as clean does, in at most n bytes. If cut is set, text
// before b was already cut off.
func cleanTail(b []byte, n int, cut bool) string {
	for cut && len(b) > 0 && !utf8.RuneStart(b[0]) {
		b = b[1:]
	}
	s := clean(b)
	if len(s) <= n && !cut {
		return s
	}
	begin := max(len(s)-(n-len(ellipsis)), 0)
	for begin < len(s) && !utf8.RuneStart(s[begin]) {
		begin++
	}
	return ellipsis + s[begin:]
}

// tail keeps the end of the output written to it: at most four times maxText. The zero
// value is ready to use.
type tail struct {
	kept []byte
	cut  bool // there was output before kept
}

const maxKept = 4 * maxText

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if over := len(p) - maxKept; over > 0 {
		p, t.cut = p[over:], true
	}
	if over := len(t.kept) + len(p) - maxKept; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
	t.kept = append(t.kept, p...)
	return n, nil
}

// String returns the end of the output, as plain text for an error.
func (t *tail) String() string { return cleanTail(t.kept, maxText, t.cut) }

// takePause removes the last line if it is "retry-after: PAUSE", and returns the pause and
// true.
func (t *tail) takePause(now time.Time) (pause time.Duration, ok bool) {
	kept := bytes.TrimRight(t.kept, "\r\n")
	begin := bytes.LastIndexByte(kept, '\n') + 1
	name, value, _ := strings.Cut(string(kept[begin:]), ":")
	if !strings.EqualFold(strings.TrimSpace(name), "retry-after") {
		return 0, false
	}
	if pause, ok = parseRetryAfter(value, now, maxRetryAfter); ok {
		t.kept = kept[:begin]
	}
	return pause, ok
}
