package config

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// describe returns what is wrong and what is wanted. The value must not be secret.
func describe(k jsonschema.ErrorKind, value string) string {
	is := "is " + shorten80(value)
	if value == "" {
		is = "is wrong"
	}
	switch k := k.(type) {
	case *kind.Type:
		return wrongType(k, is, value)
	case *kind.Enum:
		words := make([]string, 0, len(k.Want))
		for _, w := range k.Want {
			words = append(words, fmt.Sprint(w))
		}
		text := is + ", want " + either(words)
		if hint := Meant(strings.Trim(value, `"`), words); strings.HasPrefix(hint, ", did") {
			text += hint
		}
		return text
	case *kind.Format:
		return is + ": " + k.Err.Error()
	case *kind.Minimum:
		return is + ", want " + number(k.Want) + " or more"
	case *kind.Maximum:
		return is + ", want " + number(k.Want) + " or less"
	case *kind.MinLength:
		return "is empty, want a text"
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, want at most %d", k.Got, k.Want)
	case *kind.MinItems:
		return "is empty, want one or more"
	}
	return is
}

func wrongType(k *kind.Type, is, value string) string {
	want := make([]string, 0, len(k.Want))
	for _, w := range k.Want {
		want = append(want, typeNames[w])
	}
	text := ", want " + either(want)
	switch {
	case k.Got == "null":
		return "has no value" + text
	case k.Got == "array" || k.Got == "object" || value == "":
		return "is " + typeNames[k.Got] + text
	case k.Want[0] == "string":
		return is + text + `: write "` + strings.Trim(value, `"`) + `"`
	}
	return is + text
}

var typeNames = map[string]string{
	"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
	"object": "a map", "array": "a list", "null": "nothing",
}

func number(r *big.Rat) string {
	f, _ := r.Float64()
	return fmt.Sprint(f)
}

// shorten80 cuts text to 80 characters, so that a fault fits on a line.
func shorten80(text string) string {
	if utf8.RuneCountInString(text) <= 80 {
		return text
	}
	return string([]rune(text)[:80]) + "…"
}
