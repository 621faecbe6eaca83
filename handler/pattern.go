package handler

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

// maxPattern is the length of an AMQP short string, which a binding key is.
const maxPattern = 255

// ValidatePattern returns what is wrong with pattern if Mux.Handle would refuse it.
func ValidatePattern(pattern string) error {
	_, err := parse(pattern)
	return err
}

func parse(pattern string) ([]kind, error) {
	switch {
	case pattern == "" || len(pattern) > maxPattern:
		return nil, fmt.Errorf("handler: pattern %q is %d bytes, want 1 to %d", pattern, len(pattern), maxPattern)
	case !utf8.ValidString(pattern):
		return nil, fmt.Errorf("handler: pattern %q is not UTF-8", pattern)
	case strings.ContainsFunc(pattern, unicode.IsControl):
		return nil, fmt.Errorf("handler: pattern %q has a control character", pattern)
	}
	var kinds []kind
	for word := range strings.SplitSeq(pattern, ".") {
		k := kindOf(word)
		if k == literal && strings.ContainsAny(word, "*#") {
			return nil, fmt.Errorf("handler: pattern %q has the word %q, want * and # to be words of their own", pattern, word)
		}
		kinds = append(kinds, k)
	}
	return append(kinds, end), nil
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

func compare(a, b []kind) int { return slices.CompareFunc(a, b, cmp.Compare[kind]) }

// words is what is left of a key or a pattern. Unlike a string alone it tells one
// empty word from none.
type words struct {
	text string
	more bool
}

// wordsOf follows RabbitMQ: the empty key has no words, all others one more than
// they have dots.
func wordsOf(s string) words { return words{s, s != ""} }

func (w words) next() (string, words) {
	head, tail, more := strings.Cut(w.text, ".")
	return head, words{tail, more}
}

// matches says whether the key is one of the pattern's. When a word does not fit,
// the last # takes one word more and all after it is tried anew; an earlier # need
// never be reconsidered, so the work is at most the product of the word counts.
func matches(pattern, key string) bool {
	p, k := wordsOf(pattern), wordsOf(key)
	var afterHash, retry words
	seenHash := false
	for {
		if p.more {
			if word, rest := p.next(); word == "#" {
				p, seenHash = rest, true
				afterHash, retry = rest, k
				continue
			} else if k.more {
				if got, left := k.next(); word == "*" || word == got {
					p, k = rest, left
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
		p, k = afterHash, retry
	}
}
