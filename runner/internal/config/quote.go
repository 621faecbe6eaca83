package config

import (
	"fmt"
	"regexp"
	"strings"
)

// special matches a value that begins with a character that YAML reserves, unless it may
// be an alias or an anchor.
var special = regexp.MustCompile("(?:[:,\\[{]|^\\s*-)\\s+([*&](?:[^\\sA-Za-z0-9_]|\\s|$)|[@`%]|#)|[\\[{]([*@`%#])")

// unknownAlias matches the parser's error for *name without &name.
var unknownAlias = regexp.MustCompile(`^unknown anchor '([^']*)' referenced`)

// quotedExamples are values in quotes by their first character.
var quotedExamples = map[string]string{
	"*": `"*.created" or "*/5 * * * *"`, "&": `"&…"`, "@": `"@daily"`, "`": "\"`…\"", "%": `"%…"`, "#": `"#"`,
}

// unquoted returns a hint if a value in a line, or in one next to it, must be in quotes.
// The parser may report the fault in a later line.
func (d *document) unquoted(line int) string {
	for _, n := range []int{line, line - 1, line + 1} {
		if n < 1 || n > len(d.listing.lines) {
			continue
		}
		if m := special.FindStringSubmatch(d.listing.lines[n-1]); m != nil {
			sign := (m[1] + m[2])[:1]
			return fmt.Sprintf("; in line %d a text begins with %s: write it in quotes, such as %s", n, sign, quotedExamples[sign])
		}
	}
	return ""
}

// aliasLine returns the line of an unknown alias, which the parser does not report.
func (d *document) aliasLine(text string, line int) (string, int) {
	m := unknownAlias.FindStringSubmatch(text)
	if m == nil {
		return text, line
	}
	for i, l := range d.listing.lines {
		if strings.Contains(l, "*"+m[1]) {
			line = i + 1
			break
		}
	}
	return fmt.Sprintf("%s: there is no &%s; a text that begins with * must be in quotes", text, m[1]), line
}

// commentAfter reports whether a comment is in the place of a missing value.
func (l *listing) commentAfter(line, column int) bool {
	if line < 1 || line > len(l.lines) {
		return false
	}
	text := []rune(l.lines[line-1])
	rest := string(text[min(max(column-1, 0), len(text)):])
	return strings.HasPrefix(strings.TrimLeft(rest, " \t:"), "#")
}
