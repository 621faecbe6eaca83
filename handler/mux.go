package handler

import (
	"fmt"
	"iter"
	"slices"

	"github.com/warren-mq/warren/internal/topic"
)

// Mux finds the handler for a routing key by the rules of an AMQP topic
// exchange: words are separated by dots, * stands for exactly one word and # for
// any number of them, including none. The empty key has no words. If several
// patterns match, the most specific wins, judged word by word from the left: a
// literal before *, and * before #. Among equally specific patterns the one that was
// registered first wins.
//
// The zero Mux is ready for use. Match is safe for concurrent use, but not while Handle is
// called.
type Mux struct {
	patterns []string         // in registration order
	literal  map[string]route // without wildcards: always the most specific
	wild     []route          // with wildcards, most specific first
}

type route struct {
	pattern topic.Pattern
	handler Handler
}

// Handle registers h for the routing keys that pattern matches. It panics if h is
// nil, if pattern is registered already, or if it is not a topic pattern: empty, longer
// than the 255 bytes of an AMQP short string, not UTF-8, with a control character, or
// with a wildcard that is only a part of a word.
func (m *Mux) Handle(pattern string, h Handler) {
	if h == nil {
		panic(fmt.Sprintf("handler: pattern %q has a nil handler", pattern))
	}
	p, err := topic.Parse(pattern)
	if err != nil {
		panic("handler: " + err.Error())
	}
	if slices.Contains(m.patterns, pattern) {
		panic(fmt.Sprintf("handler: pattern %q is registered already", pattern))
	}
	m.patterns = append(m.patterns, pattern)
	m.add(route{p, h})
}

func (m *Mux) add(r route) {
	if r.pattern.IsLiteral() {
		if m.literal == nil {
			m.literal = make(map[string]route)
		}
		m.literal[r.pattern.String()] = r
		return
	}
	m.wild = append(m.wild, r)
	slices.SortStableFunc(m.wild, func(a, b route) int { return a.pattern.Compare(b.pattern) })
}

// Match returns the handler for a routing key and the pattern it is registered for. ok is
// false if no pattern matches. It does not allocate.
func (m *Mux) Match(key string) (h Handler, pattern string, ok bool) {
	if r, ok := m.literal[key]; ok {
		return r.handler, key, true
	}
	for i := range m.wild {
		if r := &m.wild[i]; r.pattern.Matches(key) {
			return r.handler, r.pattern.String(), true
		}
	}
	return nil, "", false
}

// Patterns returns the registered patterns in the order of registration.
func (m *Mux) Patterns() []string { return slices.Clone(m.patterns) }

// All returns each registered pattern with its handler, in the order of registration.
func (m *Mux) All() iter.Seq2[string, Handler] {
	return func(yield func(string, Handler) bool) {
		for _, pattern := range m.patterns {
			if !yield(pattern, m.registered(pattern)) {
				return
			}
		}
	}
}

func (m *Mux) registered(pattern string) Handler {
	if r, ok := m.literal[pattern]; ok {
		return r.handler
	}
	i := slices.IndexFunc(m.wild, func(r route) bool { return r.pattern.String() == pattern })
	return m.wild[i].handler
}
