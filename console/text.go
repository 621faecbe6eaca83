package console

import (
	"fmt"
	"strconv"
	"time"

	"github.com/warren-mq/warren/internal/printable"
)

// shorten returns the first n characters of text.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// line returns text as one line of at most 200 characters.
func line(text string) string { return shorten(printable.Cell(text), 200) }

// count formats a number with thousands separated.
func count(n int) string {
	digits := strconv.Itoa(max(n, -n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n < 0 {
		return "-" + digits
	}
	return digits
}

// plural formats a number and its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// rate formats a number a second.
func rate(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return count(int(n))
}

// age formats a duration with its largest unit.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// when formats a time and how long it is until or since then.
func when(t, now time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	if d := t.Sub(now); d > 0 {
		return stamp(t) + " (in " + age(d) + ")"
	}
	return stamp(t) + " (" + age(now.Sub(t)) + " ago)"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
