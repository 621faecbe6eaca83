package deadletter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFilter  = 16 << 10 // bytes of a filter's text
	headerTerm = "header."
)

// terms lists the names in the text of a filter, except header.NAME.
var terms = []string{"id", "fingerprint", "reason", "error", "key", "queue", "since", "until", "limit"}

// ParseFilter reads a filter from text such as
//
//	reason=permanent,key=user.*,since=2h,header.tenant=blue,error="timeout, again",limit=100
//
// Each name may be used once. A time is an RFC 3339 time, or a duration before now, such
// as 90m or 7d. Put a value in double quotes, as in Go, if it contains a comma, an equals
// sign or a double quote, or begins or ends with a space. An empty text matches every dead letter.
func ParseFilter(text string) (Filter, error) {
	p := filterParser{rest: text, now: time.Now(), seen: make(map[string]bool)}
	if len(text) > maxFilter {
		return Filter{}, fmt.Errorf("deadletter: the filter has %d bytes, want at most %d", len(text), maxFilter)
	}
	for p.rest = strings.TrimSpace(p.rest); p.rest != ""; {
		if err := p.term(); err != nil {
			return Filter{}, fmt.Errorf("deadletter: filter, at byte %d: %w", len(text)-len(p.rest)+1, err)
		}
	}
	return p.filter, nil
}

type filterParser struct {
	rest   string
	now    time.Time
	seen   map[string]bool
	filter Filter
}

// term reads one name=value and the comma after it.
func (p *filterParser) term() error {
	rest, isHeader := strings.CutPrefix(strings.TrimLeft(p.rest, " \t"), headerTerm)
	name, rest, err := word(rest, "=")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(rest, "=") {
		return fmt.Errorf("%q has no value, want name=value", name)
	}
	value, rest, err := word(rest[1:], ",")
	if err != nil {
		return err
	}
	if rest != "" && rest[0] != ',' {
		return fmt.Errorf("%q after a value in quotes, want a comma", rest)
	}
	if err := p.set(name, value, isHeader); err != nil {
		return err
	}
	if p.rest = strings.TrimPrefix(rest, ","); rest == "," {
		return errors.New("the filter ends with a comma, want another name=value after it")
	}
	return nil
}

// word reads a text in quotes, or up to one of the characters in ends.
func word(s, ends string) (text, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ends)
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], nil
	}
	prefix, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, fmt.Errorf("%s is not closed, want another double quote", s)
	}
	text, err = strconv.Unquote(prefix)
	return text, strings.TrimLeft(s[len(prefix):], " \t"), err
}

func (p *filterParser) set(name, value string, isHeader bool) error {
	if isHeader {
		if _, twice := p.filter.Headers[name]; twice || name == "" {
			return fmt.Errorf("header %q is used twice or has no name, want each header once, by its name", name)
		}
		if p.filter.Headers == nil {
			p.filter.Headers = make(map[string]string)
		}
		p.filter.Headers[name] = value
		return nil
	}
	switch {
	case !slices.Contains(terms, name):
		return fmt.Errorf("unknown name %q, want one of %s, header.NAME", name, strings.Join(terms, ", "))
	case p.seen[name]:
		return fmt.Errorf("%s is used twice, want it once", name)
	case value == "":
		return fmt.Errorf("%s is empty, want a value", name)
	}
	p.seen[name] = true
	return p.field(name, value)
}

func (p *filterParser) field(name, value string) (err error) {
	f := &p.filter
	switch name {
	case "id":
		f.ID = value
	case "fingerprint":
		f.Fingerprint = value
	case "reason":
		f.Reason = value
	case "error":
		f.Error = value
	case "key":
		f.Key, err = value, checkPattern(value)
	case "queue":
		f.WorkQueue = value
	case "since":
		f.Since, err = p.time(value)
	case "until":
		f.Until, err = p.time(value)
	case "limit":
		if f.Limit, err = strconv.Atoi(value); err != nil || f.Limit < 1 {
			return fmt.Errorf("limit is %q, want a number, 1 or more", value)
		}
	}
	return err
}

// maxAge is the largest number of days, so that the time stays within the range of time.Time.
const maxAge = 100 * 366

func (p *filterParser) time(value string) (time.Time, error) {
	if days, ok := strings.CutSuffix(value, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= maxAge {
			return p.now.AddDate(0, 0, -n).UTC(), nil
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return p.now.Add(-d).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.IsZero() {
		return t, fmt.Errorf("%q is not a time, want one such as 2h, 7d or 2026-01-31T08:00:00Z", value)
	}
	return t.UTC(), nil
}
