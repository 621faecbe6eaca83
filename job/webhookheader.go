package job

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
)

// Limits of the message's own headers in a request, in bytes. Servers refuse requests
// with more than 8 to 32 KiB.
const (
	maxHeader  = 1 << 10
	maxHeaders = 8 << 10
)

// describe adds headers for the properties of m to h.
func describe(ctx context.Context, h http.Header, m *message.Message) {
	for _, f := range userHeaders(m, maxHeader, maxHeaders) {
		if name := "Warren-Header-" + headerName(f.name); h.Get(name) == "" {
			h.Set(name, headerValue(f.value))
		}
	}
	for _, f := range metadata(m) {
		name := "Warren-" + f.name
		if strings.HasPrefix(f.name, "content-") {
			name = f.name // HTTP has the same headers
		}
		if value := headerValue(f.value); value != "" {
			h.Set(name, value)
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	for _, f := range traceContext(ctx, m) {
		h.Set(f.name, headerValue(f.value))
	}
}

// headerName returns s with - in place of everything except ASCII letters and digits.
func headerName(s string) string {
	return strings.Map(func(r rune) rune {
		if isLetterOrDigit(r) {
			return r
		}
		return '-'
	}, s)
}

// checkHeaderValue returns an error for a value that net/http would change or reject.
func checkHeaderValue(s string) error {
	if headerValue(s) != s {
		return errors.New("the value contains control characters or begins or ends with a space, want neither")
	}
	return nil
}

// headerValue returns s as a valid header value: valid UTF-8 without control characters.
func headerValue(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// maxRetryAfter is the longest pause a command may ask for.
const maxRetryAfter = 24 * time.Hour

// parseRetryAfter reads whole seconds, an HTTP date, or a Go duration such as 1m30s. It
// returns at most limit, and 0 for a date in the past.
func parseRetryAfter(text string, now time.Time, limit time.Duration) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(limit/time.Second) {
			return limit, true // out of range, since all are digits
		}
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), limit), true
	}
	d, err := time.ParseDuration(text)
	return min(d, limit), err == nil && d >= 0
}
