package deadletter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/topology"
)

// Filter selects the dead letters that match all of its fields. A zero field matches
// every dead letter, and so does the zero Filter.
type Filter struct {
	ID          string            // DeadLetter.ID
	Fingerprint string            // the kind of failure
	Reason      string            // such as permanent or expired
	Error       string            // a part of the error's text; upper and lower case are equal
	Key         string            // a pattern of routing keys, as in a topic exchange: * is one word, # any number of words
	Since       time.Time         // failed at this time or later
	Until       time.Time         // failed before this time
	WorkQueue   string            // DeadLetter.WorkQueue, which may also be a partition of this queue
	Headers     map[string]string // values of headers by name, as text
	Limit       int               // the highest number of matching dead letters to use, from the head of the queue
}

// Matches reports whether the dead letter matches the filter. It ignores Limit. A dead
// letter whose failure time is unknown matches neither Since nor Until.
func (f Filter) Matches(l *DeadLetter) bool {
	switch {
	case f.ID != "" && f.ID != l.ID,
		f.Fingerprint != "" && f.Fingerprint != l.Fingerprint,
		f.Reason != "" && f.Reason != l.Reason,
		f.Error != "" && !strings.Contains(strings.ToLower(l.Error), strings.ToLower(f.Error)),
		f.Key != "" && !matches(f.Key, l.Message.RoutingKey),
		f.WorkQueue != "" && f.WorkQueue != l.WorkQueue && !topology.IsPartition(f.WorkQueue, l.WorkQueue),
		!f.Since.IsZero() && l.FailedAt.Before(f.Since),
		!f.Until.IsZero() && (l.FailedAt.IsZero() || !l.FailedAt.Before(f.Until)):
		return false
	}
	for name, want := range f.Headers {
		if v, ok := l.Message.Headers[name]; !ok || headerText(v) != want {
			return false
		}
	}
	return true
}

// matchesAll reports whether every dead letter matches the filter.
func (f Filter) matchesAll() bool {
	f.Limit = 0
	return f.String() == ""
}

// headerText returns a header's value as text.
func headerText(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// String returns the filter in the format that ParseFilter reads.
func (f Filter) String() string {
	var terms []string
	add := func(name, value string) {
		if value != "" {
			terms = append(terms, name+"="+quoted(value))
		}
	}
	add("id", f.ID)
	add("fingerprint", f.Fingerprint)
	add("reason", f.Reason)
	add("error", f.Error)
	add("key", f.Key)
	add("queue", f.WorkQueue)
	add("since", stamp(f.Since))
	add("until", stamp(f.Until))
	for _, name := range slices.Sorted(maps.Keys(f.Headers)) {
		terms = append(terms, headerTerm+quoted(name)+"="+quoted(f.Headers[name]))
	}
	if f.Limit != 0 {
		add("limit", strconv.Itoa(f.Limit))
	}
	return strings.Join(terms, ",")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// quoted returns s in double quotes if ParseFilter needs them, and s itself otherwise.
func quoted(s string) string {
	if s != "" && strings.TrimSpace(s) == s && !strings.ContainsAny(s, "=,\"") && strconv.Quote(s) == `"`+s+`"` {
		return s
	}
	return strconv.Quote(s)
}

// maxPattern is the longest routing key, in bytes.
const maxPattern = 255

func checkPattern(pattern string) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("the pattern in key has %d bytes, want at most %d", len(pattern), maxPattern)
	}
	for word := range strings.SplitSeq(pattern, ".") {
		if len(word) > 1 && strings.ContainsAny(word, "*#") {
			return fmt.Errorf("the pattern in key has the word %q, want each * and # to be a whole word", word)
		}
	}
	return nil
}

// matches reports whether the routing key matches the pattern, as in a topic exchange.
// After each word of the key, fits[i] reports whether the first i words of the pattern
// match the words read so far.
func matches(pattern, key string) bool {
	words := split(pattern)
	fits := make([]bool, len(words)+1)
	fits[0] = true
	skipHashes(words, fits)
	for _, got := range split(key) {
		next := make([]bool, len(fits))
		for i, word := range words {
			next[i] = next[i] || fits[i] && word == "#"
			next[i+1] = fits[i] && (word == got || word == "*")
		}
		skipHashes(words, next)
		fits = next
	}
	return fits[len(words)]
}

// skipHashes lets each # match zero words.
func skipHashes(words []string, fits []bool) {
	for i, word := range words {
		if word == "#" && fits[i] {
			fits[i+1] = true
		}
	}
}

// split returns the words of s. As in RabbitMQ, the empty key has no words.
func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}
