package deadletter

import (
	"fmt"
	"strings"
)

// maxPattern is the longest routing key, in bytes.
const maxPattern = 255

func checkPattern(pattern string) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("key has %d bytes, want at most %d", len(pattern), maxPattern)
	}
	for word := range strings.SplitSeq(pattern, ".") {
		if len(word) > 1 && strings.ContainsAny(word, "*#") {
			return fmt.Errorf("key has the word %q, want * and # to be words of their own", word)
		}
	}
	return nil
}

// matches says whether the routing key is one of the pattern's, as a topic exchange
// does. After each word of the key, fits has how much of the pattern may be behind.
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

// skipHashes lets each # stand for no word.
func skipHashes(words []string, fits []bool) {
	for i, word := range words {
		if word == "#" && fits[i] {
			fits[i+1] = true
		}
	}
}

// split follows RabbitMQ: the empty key has no words.
func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}
