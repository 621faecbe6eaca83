package devbroker

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// headersMatcher is the matcher of a headers exchange. It compares the binding arguments
// with the headers of a message.
type headersMatcher struct {
	fanoutMatcher
	floats bool // 1.0 equals 1
}

func (h *headersMatcher) match(m *message, _ string, take func(*binding)) {
	headers := m.headers()
	for _, b := range h.all {
		if h.matches(b.args, headers) {
			take(b)
		}
	}
}

// matches reports whether args match headers by the rules of x-match: all, any, and the two
// variants that also compare arguments beginning with x-.
func (h *headersMatcher) matches(args, headers wire.Table) bool {
	mode, _ := args.Get("x-match")
	text, _ := mode.(string)
	anyOne := strings.HasPrefix(text, "any")
	withX := strings.HasSuffix(text, "-with-x")
	for _, arg := range args {
		if arg.Name == "x-match" || !withX && strings.HasPrefix(arg.Name, "x-") {
			continue
		}
		got, there := headers.Get(arg.Name)
		if same := there && (arg.Value == nil || h.same(arg.Value, got)); same == anyOne {
			return anyOne
		}
	}
	return !anyOne
}

func (h *headersMatcher) same(a, b any) bool {
	if h.floats {
		a, b = asFloat(a), asFloat(b)
	}
	return sameValue(a, b)
}

// asFloat converts a number of any type to a float.
func asFloat(v any) any {
	if n, ok := asInt(v); ok {
		return float64(n)
	}
	if f, ok := v.(float32); ok {
		return float64(f)
	}
	return v
}

// sameValue compares field values. Integers of different widths can be equal.
func sameValue(a, b any) bool {
	x, isInt := asInt(a)
	y, alsoInt := asInt(b)
	if isInt && alsoInt {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

// asInt returns the value of an integer field.
func asInt(v any) (int64, bool) {
	switch n := v.(type) {
	case int8:
		return int64(n), true
	case uint8:
		return int64(n), true
	case int16:
		return int64(n), true
	case uint16:
		return int64(n), true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// sameTable compares two tables and ignores the order of their fields.
func sameTable(a, b wire.Table) bool {
	if len(a) != len(b) {
		return false
	}
	for _, field := range a {
		other, ok := b.Get(field.Name)
		if !ok || !sameValue(field.Value, other) {
			return false
		}
	}
	return true
}

// takes returns an error for arguments that a headers exchange rejects.
func (x *exchange) takes(args wire.Table) error {
	mode, ok := args.Get("x-match")
	if !ok || x.kind != "headers" {
		return nil
	}
	text, isText := mode.(string)
	switch {
	case !isText:
		value := fmt.Sprint(mode)
		if mode == nil {
			value = "undefined"
		}
		return refuse(preconditionFailed, "Invalid x-match field type %s (value %s); expected longstr", wire.TypeName(mode), value)
	case slices.Contains([]string{"all", "any", "all-with-x", "any-with-x"}, text):
		return nil
	}
	return refuse(preconditionFailed, "Invalid x-match field value %s; expected all, any, all-with-x, or any-with-x", wire.Quote([]byte(text)))
}
