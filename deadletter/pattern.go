package deadletter

import (
	"fmt"
	"strings"
)

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
