package job

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

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
