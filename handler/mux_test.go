package handler_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func nothing(context.Context, *message.Message) error { return nil }

func muxOf(patterns ...string) *handler.Mux {
	m := &handler.Mux{}
	for _, p := range patterns {
		m.Handle(p, handler.Func(nothing))
	}
	return m
}

func TestMuxFollowsTheTopicRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pattern string
		match, not    []string
	}{
		{"a literal is itself", "a.b", []string{"a.b"}, []string{"", "a", "a.b.c", "A.b", "a.*"}},
		{"a star is exactly one word", "*", []string{"a", "#"}, []string{"", "a.b", "."}},
		{"a star may be an empty word", "a.*", []string{"a.", "a.b"}, []string{"a", "a.b.c", "a.."}},
		{"a hash is any number of words", "#", []string{"", "a", "a.b", "...."}, nil},
		{"a hash at the end may be nothing", "a.#", []string{"a", "a.", "a.b.c"}, []string{"", "b", "ab"}},
		{"a hash at the start may be nothing", "#.a", []string{"a", "b.a", "a.a", ".a"}, []string{"", "a.b", "ba"}},
		{"a hash in the middle may be nothing", "a.#.b", []string{"a.b", "a.x.b", "a.b.b"}, []string{"a", "b", "a.b.c"}},
		{"a hash gives back what others need", "#.a.*.b", []string{"a.a.x.b", "a.x.b"}, []string{"a.x.y.b"}},
		{"two hashes share the words", "#.a.#.b", []string{"a.b", "x.a.y.b"}, []string{"b.a", "a.b.c"}},
		{"hash and star are at least one word", "#.*", []string{"a", "a.b"}, []string{""}},
		{"empty words are words", ".", []string{"."}, []string{"", "..", "a."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := muxOf(tt.pattern)
			for _, key := range tt.match {
				if _, got, ok := m.Match(key); !ok || got != tt.pattern {
					t.Errorf("%q: key %q gives %q, %v, want a match", tt.pattern, key, got, ok)
				}
			}
			for _, key := range tt.not {
				if _, _, ok := m.Match(key); ok {
					t.Errorf("%q: key %q matches, want none", tt.pattern, key)
				}
			}
		})
	}
}

func TestMuxPrefersTheMostSpecificPattern(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key string
		patterns  []string // the wanted one first; tried in both orders
	}{
		{"a literal before a star", "a.b", []string{"a.b", "a.*", "*.b"}},
		{"a star before a hash", "a.b", []string{"a.*", "a.#", "#"}},
		{"the left word decides", "a.b", []string{"a.#", "*.b"}},
		{"a literal before a longer hash", "a", []string{"a", "a.#", "#"}},
		{"more words after a hash are narrower", "x.a", []string{"#.a", "#"}},
		{"a literal after a hash before a star after it", "x.a", []string{"#.a", "#.*"}},
		{"a star anywhere before a hash there", "a.b.c", []string{"a.*.c", "a.#.c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reversed := slices.Clone(tt.patterns)
			slices.Reverse(reversed)
			for _, order := range [][]string{tt.patterns, reversed} {
				if _, got, _ := muxOf(order...).Match(tt.key); got != tt.patterns[0] {
					t.Errorf("of %q key %q gives %q, want %q", order, tt.key, got, tt.patterns[0])
				}
			}
		})
	}
}

func TestMuxAmongEqualsTheFirstRegisteredWins(t *testing.T) {
	t.Parallel()
	if _, got, _ := muxOf("#.b.#", "#.a.#").Match("a.b"); got != "#.b.#" {
		t.Errorf("got %q, want #.b.#", got)
	}
}

func TestMuxReturnsTheHandlerOfThePattern(t *testing.T) {
	t.Parallel()
	var m handler.Mux
	called := ""
	for _, p := range []string{"a", "b.*"} {
		m.Handle(p, handler.Func(func(context.Context, *message.Message) error {
			called = p
			return nil
		}))
	}
	h, _, _ := m.Match("b.x")
	if err := h.Handle(t.Context(), &message.Message{}); err != nil || called != "b.*" {
		t.Errorf("handler of %q was called (%v), want the handler of b.*", called, err)
	}
	if h, pattern, ok := m.Match("c"); h != nil || pattern != "" || ok {
		t.Errorf("Match of an unknown key = %v, %q, %v, want nothing", h, pattern, ok)
	}
}

func TestMuxPanicsOnAProgrammersSlip(t *testing.T) {
	t.Parallel()
	ok := handler.Func(nothing)
	for _, tt := range []struct {
		name, pattern string
		h             handler.Handler
		want          string
	}{
		{"a nil handler", "a", nil, `handler: pattern "a" has a nil handler`},
		{"an empty pattern", "", ok, `handler: pattern "" is 0 bytes, want 1 to 255`},
		{"a duplicate literal", "taken", ok, `handler: pattern "taken" is registered already`},
		{"a duplicate wildcard", "taken.*", ok, `handler: pattern "taken.*" is registered already`},
		{"a star inside a word", "user*", ok, `handler: pattern "user*" has the word "user*", want * and # to be words of their own`},
		{"a line break", "user\n", ok, `handler: pattern "user\n" has a control character`},
		{"a terminal's escape in a wildcard", "user.\x1b[2J.*", ok, `handler: pattern "user.\x1b[2J.*" has a control character`},
		{"a C1 control character", "user\u009b.#", ok, `handler: pattern "user\u009b.#" has a control character`},
		{"bytes that are not UTF-8", "user\xff", ok, `handler: pattern "user\xff" is not UTF-8`},
		{"two hashes in a word", "a.##", ok, `handler: pattern "a.##" has the word "##", want * and # to be words of their own`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := muxOf("taken", "taken.*")
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("panics with %v, want %s", got, tt.want)
				}
				if got := m.Patterns(); len(got) != 2 {
					t.Errorf("patterns are %q, want none added", got)
				}
			}()
			m.Handle(tt.pattern, tt.h)
		})
	}
}

func TestMuxListsPatternsInRegistrationOrder(t *testing.T) {
	t.Parallel()
	want := []string{"#", "a", "b.*", "a.a"}
	m := muxOf(want...)
	m.Patterns()[0] = "changed"
	if got := m.Patterns(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) { // AllocsPerRun forbids t.Parallel
	m := muxOf("user.signed_up", "user.*.b", "#.deleted", "order.#")
	for _, key := range []string{"user.signed_up", "user.x.b", "a.b.c.deleted", "order.1.2.3", "none"} {
		if n := testing.AllocsPerRun(100, func() { m.Match(key) }); n != 0 {
			t.Errorf("key %q: %v allocations, want 0", key, n)
		}
	}
}

func TestMatchIsNotExponential(t *testing.T) {
	t.Parallel()
	m := muxOf(strings.Repeat("#.", 120) + "a")
	m.Handle(strings.Repeat("#.b.", 60)+"c", handler.Func(nothing))
	begin := time.Now()
	for _, key := range []string{strings.Repeat("b.", 127), strings.Repeat(".", 10_000)} {
		if _, pattern, ok := m.Match(key); ok {
			t.Errorf("key of %d bytes matches %q, want none", len(key), pattern)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v, want next to nothing", took)
	}
}

// matchesRef is the definition, as plainly as it can be said.
func matchesRef(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return matchesRef(pattern[1:], key) || len(key) > 0 && matchesRef(pattern, key[1:])
	case len(key) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == key[0]) && matchesRef(pattern[1:], key[1:])
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"a.b", "a.b"}, {"*.b", "a.b"}, {"#.a.#.b", "a.a.b"}, {"#", ""}, {"a..*", "a.."}, {"#.*.#.*", "a"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		if len(pattern) > 20 || len(key) > 30 {
			return // the reference is exponential
		}
		m := &handler.Mux{}
		if !registered(m, pattern) {
			return
		}
		_, _, got := m.Match(key)
		if want := matchesRef(split(pattern), split(key)); got != want {
			t.Errorf("pattern %q, key %q: %v, want %v", pattern, key, got, want)
		}
	})
}

// registered says whether the mux takes the pattern. It may refuse only what the
// documentation says.
func registered(m *handler.Mux, pattern string) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if text, isText := r.(string); !isText || !strings.HasPrefix(text, "handler: pattern ") {
				panic(r)
			}
		}
	}()
	m.Handle(pattern, handler.Func(nothing))
	return true
}

func BenchmarkMatchLiteral(b *testing.B) { benchmarkMatch(b, "user.signed_up") }
func BenchmarkMatchStar(b *testing.B)    { benchmarkMatch(b, "order.42.paid") }

func benchmarkMatch(b *testing.B, key string) {
	b.Helper()
	m := muxOf("user.signed_up", "user.*", "#.deleted", "order.*.paid", "audit.#")
	b.ReportAllocs()
	for b.Loop() {
		m.Match(key)
	}
}
