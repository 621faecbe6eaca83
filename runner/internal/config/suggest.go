package config

import (
	_ "embed"
	"fmt"
	"strings"
	"time"
)

// maxNamed is the highest number of possible words that a fault lists.
const maxNamed = 12

// Meant returns the end of a fault's text: the word in known that is nearest to got, or
// all known words if they are few.
func Meant(got string, known []string) string {
	best, nearest := "", 3
	for _, word := range known {
		d := distance(strings.ToLower(got), strings.ToLower(word))
		if len(word) > 2 && strings.HasPrefix(got, word) {
			d = min(d, 2)
		}
		if d < nearest && d < len(word) {
			best, nearest = word, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(", did you mean %q?", best)
	case len(known) == 0, len(known) > maxNamed:
		return ""
	}
	return ", want " + either(known)
}

// either joins words with commas and "or".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// distance returns the Levenshtein distance of two words. For long words it returns a
// large number.
func distance(a, b string) int {
	const tooFar = 64
	if len(a) > tooFar || len(b) > tooFar {
		return tooFar
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// zoneNames are the names of the time zone database, one a line: package time can load
// a zone, but not list them.
//
//go:embed zones.txt
var zoneNames string

// suggestZone returns ", did you mean …?" for an unknown name of a time zone.
func suggestZone(name string) string {
	if _, err := time.LoadLocation(name); err == nil {
		return ""
	}
	zones := strings.Fields(zoneNames)
	for _, zone := range zones { // such as Rome or europe/rome
		if _, city, _ := strings.Cut(zone, "/"); strings.EqualFold(zone, name) || strings.EqualFold(city, name) {
			return fmt.Sprintf(", did you mean %q?", zone)
		}
	}
	return Meant(name, zones)
}
