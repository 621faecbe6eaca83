package devbroker

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// headersMatcher is of a headers exchange: binding arguments are compared with the
// headers of a message.
type headersMatcher struct{ fanoutMatcher }

func (h *headersMatcher) match(m *message, _ string, take func(*binding)) {
	headers := m.headers()
	for _, b := range h.all {
		if matchHeaders(b.args, headers) {
			take(b)
		}
	}
}

// matchHeaders compares by the rules of x-match: all, any, and the two that look at
// arguments beginning with x- as well.
func matchHeaders(args, headers wire.Table) bool {
	mode, _ := args.Get("x-match")
	text, _ := mode.(string)
	anyOne := strings.HasPrefix(text, "any")
	withX := strings.HasSuffix(text, "-with-x")
	for _, arg := range args {
		if arg.Name == "x-match" || !withX && strings.HasPrefix(arg.Name, "x-") {
			continue
		}
		got, there := headers.Get(arg.Name)
		if matches := there && (arg.Value == nil || sameValue(arg.Value, got)); matches == anyOne {
			return anyOne
		}
	}
	return !anyOne
}

// sameValue compares values of fields; integers of any width may be equal.
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

// sameTable compares two tables whatever the order of their fields.
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

// takes refuses arguments that a headers exchange does not understand.
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
