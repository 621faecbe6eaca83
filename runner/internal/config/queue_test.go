package config_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// TestEverySettingOfAQueueReachesTheBroker: a field that the configuration, the worker or the
// topology gains must be passed on by Worker and WorkQueue.
func TestEverySettingOfAQueueReachesTheBroker(t *testing.T) {
	t.Parallel()
	var q config.Queue
	fill(reflect.ValueOf(&q).Elem())
	exchange := config.Exchange{Name: q.Exchange, Type: "topic", Arguments: map[string]any{"a": 1}}
	w := q.Worker([]config.Exchange{exchange})
	wantFilled(t, w, "Middleware") // a file cannot contain Go code
	w.Delays = topology.Native     // whose intervals reach the broker
	wantFilled(t, w.WorkQueue([]string{"key"}))
}

// fill sets the fields of v to values other than zero.
func fill(v reflect.Value) {
	for _, field := range v.Fields() {
		switch field.Kind() {
		case reflect.String:
			field.SetString("text")
		case reflect.Int, reflect.Int64:
			field.SetInt(1)
		case reflect.Float64:
			field.SetFloat(1)
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Map:
			field.Set(reflect.ValueOf(map[string]any{"a": 1}))
		case reflect.Struct:
			fill(field)
		case reflect.Slice:
			if field.Type() == reflect.TypeFor[[]config.Binding]() {
				field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			}
		default:
			// Handlers are not passed on by Worker.
		}
	}
}

func wantFilled(t *testing.T, x any, except ...string) {
	t.Helper()
	for field, v := range reflect.ValueOf(x).Fields() {
		if v.IsZero() && !slices.Contains(except, field.Name) {
			t.Errorf("%T.%s is not set", x, field.Name)
		}
	}
}
