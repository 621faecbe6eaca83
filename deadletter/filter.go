package deadletter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter chooses letters: those that meet all of its fields. Fields that are zero
// choose all, and so does the zero Filter.
type Filter struct {
	ID          string            // Letter.ID
	Fingerprint string            // of the kind of failure
	Reason      string            // such as permanent, or expired
	Error       string            // a part of the error's text, in any case
	Key         string            // pattern of routing keys, as of a topic exchange: * is a word, # any number
	Since       time.Time         // failed at this time or later
	Until       time.Time         // failed before this time
	Headers     map[string]string // headers by name, as text
	Limit       int               // the most letters to read, from the head of the queue
}

// Matches says whether the filter chooses the letter. Limit does not count here. A
// letter of unknown age is of no time.
func (f Filter) Matches(l *Letter) bool {
	switch {
	case f.ID != "" && f.ID != l.ID,
		f.Fingerprint != "" && f.Fingerprint != l.Fingerprint,
		f.Reason != "" && f.Reason != l.Reason,
		f.Error != "" && !strings.Contains(strings.ToLower(l.Error), strings.ToLower(f.Error)),
		f.Key != "" && !matches(f.Key, l.Message.RoutingKey),
		!f.Since.IsZero() && l.FailedAt.Before(f.Since),
		!f.Until.IsZero() && (l.FailedAt.IsZero() || !l.FailedAt.Before(f.Until)):
		return false
	}
	for name, want := range f.Headers {
		if v, ok := l.Message.Headers[name]; !ok || shown(v) != want {
			return false
		}
	}
	return true
}

// shown is a header's value as text.
func shown(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// String writes the filter as ParseFilter reads it.
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

// quoted leaves plain text as it is.
func quoted(s string) string {
	if s != "" && strings.TrimSpace(s) == s && !strings.ContainsAny(s, "=,\"") && strconv.Quote(s) == `"`+s+`"` {
		return s
	}
	return strconv.Quote(s)
}
