package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// value describes a table value and its type, as the client decodes it. A time within this
// minute is shown as "now", because it differs in every run.
func value(v any) string {
	switch v := v.(type) {
	case nil, bool, string:
		return fmt.Sprintf("%#v", v)
	case time.Time:
		if age := time.Since(v); age > -time.Minute && age < time.Minute {
			return "now"
		}
		return v.UTC().Format(time.RFC3339)
	case []any:
		values := make([]string, len(v))
		for i := range v {
			values[i] = value(v[i])
		}
		return "[" + strings.Join(values, " ") + "]"
	case table:
		return "{" + fields(v) + "}"
	case []byte:
		return fmt.Sprintf("bytes(%q)", v)
	case amqp.Decimal:
		return fmt.Sprintf("decimal(%d, scale %d)", v.Value, v.Scale)
	}
	return fmt.Sprintf("%T(%v)", v, v)
}

// fields describes a table by its sorted names: the client does not keep their order.
func fields(t table) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		all = append(all, name+"="+value(t[name]))
	}
	return strings.Join(all, " ")
}

// headers notes each header, and each entry of x-death, on a line of its own.
func (n *notes) headers(headers table) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		deaths, ok := headers[name].([]any)
		if !ok || name != "x-death" {
			n.notef("  %s=%s", name, value(headers[name]))
			continue
		}
		for i, death := range deaths {
			n.notef("  x-death[%d] %s", i, value(death))
		}
	}
}
