package devbroker

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// directMatcher is the matcher of a direct exchange: the binding key equals the routing key.
type directMatcher map[string][]*binding

func (d directMatcher) add(b *binding) { d[b.key] = append(d[b.key], b) }

func (d directMatcher) remove(b *binding) {
	rest := without(d[b.key], b)
	if len(rest) == 0 {
		delete(d, b.key)
		return
	}
	d[b.key] = rest
}

func (d directMatcher) match(_ *message, key string, take func(*binding)) {
	for _, b := range d[key] {
		take(b)
	}
}

// fanoutMatcher is the matcher of a fanout exchange: every binding matches.
type fanoutMatcher struct{ all []*binding }

func (f *fanoutMatcher) add(b *binding)    { f.all = append(f.all, b) }
func (f *fanoutMatcher) remove(b *binding) { f.all = without(f.all, b) }

func (f *fanoutMatcher) match(_ *message, _ string, take func(*binding)) {
	for _, b := range f.all {
		take(b)
	}
}

// randomMatcher is the matcher of an x-local-random exchange: one of the bindings matches.
type randomMatcher struct{ fanoutMatcher }

func (r *randomMatcher) match(_ *message, _ string, take func(*binding)) {
	if n := len(r.all); n > 0 {
		take(r.all[rand.IntN(n)])
	}
}

// topicMatcher is the matcher of a topic exchange. Binding keys are patterns of words: *
// matches one word and # matches any number of words.
type topicMatcher struct {
	exact    directMatcher // keys without * and #
	patterns []pattern
}

type pattern struct {
	words   []string
	binding *binding
}

func (t *topicMatcher) add(b *binding) {
	words := strings.Split(b.key, ".")
	if !slices.Contains(words, "*") && !slices.Contains(words, "#") {
		t.exact.add(b)
		return
	}
	t.patterns = append(t.patterns, pattern{words: words, binding: b})
}

func (t *topicMatcher) remove(b *binding) {
	t.exact.remove(b)
	t.patterns = slices.DeleteFunc(t.patterns, func(p pattern) bool { return p.binding == b })
}

func (t *topicMatcher) match(m *message, key string, take func(*binding)) {
	t.exact.match(m, key, take)
	if len(t.patterns) == 0 {
		return
	}
	words := splitKey(key)
	for _, p := range t.patterns {
		if matchWords(p.words, words) {
			take(p.binding)
		}
	}
}

// splitKey returns the words of a routing key. An empty key has no words.
func splitKey(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// matchWords reports whether key words match a pattern. It backtracks only to the last #, so
// the number of steps is at most the product of both lengths.
func matchWords(pattern, words []string) bool {
	p, w, hash, from := 0, 0, -1, 0
	for w < len(words) {
		switch {
		case p < len(pattern) && pattern[p] == "#":
			hash, from = p, w
			p++
		case p < len(pattern) && (pattern[p] == "*" || pattern[p] == words[w]):
			p++
			w++
		case hash >= 0:
			from++
			p, w = hash+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "#" {
		p++
	}
	return p == len(pattern)
}

func without(all []*binding, b *binding) []*binding {
	return slices.DeleteFunc(all, func(other *binding) bool { return other == b })
}
