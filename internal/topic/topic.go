// Package topic matches routing keys with the patterns of topic exchanges, as RabbitMQ does.
package topic

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind ranks one word of a pattern by how specific it is. The end of a pattern
// comes before a # (a matches no more than a.#), but after words that narrow a #
// before them (#.a matches less than #).
type kind uint8

const (
	literal kind = iota
	star
	end
	hash
)

func (k kind) wild() bool { return k == star || k == hash }

// maxPattern is the longest AMQP short string, in bytes. A binding key is a short string.
const maxPattern = 255

// Pattern is the binding key of a topic exchange: words between dots, where * stands for one
// word and # for any number of words, including none.
type Pattern struct {
	text  string
	kinds []kind
}

// String returns the pattern as it was given to Parse.
func (p Pattern) String() string { return p.text }

// IsLiteral reports whether the pattern has no wildcards.
func (p Pattern) IsLiteral() bool { return !slices.ContainsFunc(p.kinds, kind.wild) }

// Compare returns a negative number if p is more specific than q, judged word by word from
// the left: a literal before *, and * before #. It returns 0 if they are equally specific.
func (p Pattern) Compare(q Pattern) int {
	return slices.CompareFunc(p.kinds, q.kinds, cmp.Compare[kind])
}

// Parse returns the pattern. It returns an error if the pattern is empty, longer than the
// 255 bytes of an AMQP short string, not UTF-8, has a control character, or has a wildcard
// that is only a part of a word.
func Parse(pattern string) (Pattern, error) {
	switch {
	case pattern == "" || len(pattern) > maxPattern:
		return Pattern{}, fmt.Errorf("pattern %q is %d bytes, want 1 to %d", pattern, len(pattern), maxPattern)
	case !utf8.ValidString(pattern):
		return Pattern{}, fmt.Errorf("pattern %q is not UTF-8", pattern)
	case strings.ContainsFunc(pattern, unicode.IsControl):
		return Pattern{}, fmt.Errorf("pattern %q has a control character", pattern)
	}
	var kinds []kind
	for word := range strings.SplitSeq(pattern, ".") {
		k := kindOf(word)
		if k == literal && strings.ContainsAny(word, "*#") {
			return Pattern{}, fmt.Errorf("pattern %q has the word %q, want * and # to be words of their own", pattern, word)
		}
		kinds = append(kinds, k)
	}
	return Pattern{pattern, append(kinds, end)}, nil
}

func kindOf(word string) kind {
	switch word {
	case "*":
		return star
	case "#":
		return hash
	}
	return literal
}

// words is the remaining part of a key or a pattern. Unlike a string alone, it
// distinguishes one empty word from no words.
type words struct {
	text string
	more bool
}

// wordsOf splits as RabbitMQ does: the empty key has no words. Any other key has one word
// more than it has dots.
func wordsOf(s string) words { return words{s, s != ""} }

func (w words) next() (string, words) {
	head, tail, more := strings.Cut(w.text, ".")
	return head, words{tail, more}
}

// Matches reports whether the pattern matches the routing key. It does not allocate. When a
// word does not match, the last # takes one more word, and the words after it are tried
// again. An earlier # need not be tried again, so the work is at most the product of the
// word counts.
func (p Pattern) Matches(key string) bool {
	rest, k := wordsOf(p.text), wordsOf(key)
	var afterHash, retry words
	seenHash := false
	for {
		if rest.more {
			if word, tail := rest.next(); word == "#" {
				rest, seenHash = tail, true
				afterHash, retry = tail, k
				continue
			} else if k.more {
				if got, left := k.next(); word == "*" || word == got {
					rest, k = tail, left
					continue
				}
			}
		} else if !k.more {
			return true
		}
		if !seenHash || !retry.more {
			return false
		}
		_, retry = retry.next()
		rest, k = afterHash, retry
	}
}
