package wire_test

import (
	"reflect"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// everyType returns a table with a value of each type, each under the name of its
// type, nested ones too.
func everyType() wire.Table {
	simple := wire.Table{
		{"bool", true},
		{"byte", int8(-1)},
		{"unsignedbyte", uint8(200)},
		{"short", int16(-300)},
		{"unsignedshort", uint16(60000)},
		{"signedint", int32(-70000)},
		{"unsignedint", uint32(1 << 31)},
		{"long", int64(-1 << 40)},
		{"float", float32(0.5)},
		{"double", 0.25},
		{"decimal", wire.Decimal{Scale: 2, Value: 314}},
		{"longstr", "text"},
		{"binary", []byte{0, 255}},
		{"timestamp", wire.Timestamp(1 << 33)},
		{"void", nil},
	}
	array := make([]any, 0, len(simple))
	for _, f := range simple {
		array = append(array, f.Value)
	}
	return append(simple.Clone(), wire.Field{"table", simple}, wire.Field{"array", append(array, simple, []any{})})
}

// encoded returns a table's fields as they are on the wire, its length left out.
func encoded(table wire.Table) string {
	p := wire.Properties{Present: wire.HasHeaders, Headers: table}
	return string(p.Append(nil)[6:])
}

// decoded reads a table's fields.
func decoded(fields string) (wire.Table, error) {
	n := len(fields)
	head := []byte{0x20, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	p, err := wire.ParseProperties(append(head, fields...))
	return p.Headers, err
}

func TestATypeHasRabbitMQsName(t *testing.T) {
	t.Parallel()
	for _, f := range everyType() {
		if got := wire.TypeName(f.Value); got != f.Name {
			t.Errorf("%T is called %q, want %q", f.Value, got, f.Name)
		}
	}
	if got := wire.TypeName(1); got != "" {
		t.Errorf("int is called %q, want nothing", got)
	}
}

func TestTablesAreOnTheWireAsRabbitMQHasThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"true", true, "t\x01"},
		{"false", false, "t\x00"},
		{"a signed byte", int8(-2), "b\xfe"},
		{"a byte", uint8(254), "B\xfe"},
		{"a short", int16(-2), "s\xff\xfe"},
		{"an unsigned short", uint16(258), "u\x01\x02"},
		{"an int", int32(-2), "I\xff\xff\xff\xfe"},
		{"an unsigned int", uint32(16909060), "i\x01\x02\x03\x04"},
		{"a long", int64(-2), "l\xff\xff\xff\xff\xff\xff\xff\xfe"},
		{"a float", float32(1), "f\x3f\x80\x00\x00"},
		{"a double", float64(1), "d\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"a decimal", wire.Decimal{Scale: 2, Value: 314}, "D\x02\x00\x00\x01\x3a"},
		{"a string", "abc", "S\x00\x00\x00\x03abc"},
		{"bytes", []byte{0, 255}, "x\x00\x00\x00\x02\x00\xff"},
		{"an empty array", []any{}, "A\x00\x00\x00\x00"},
		{"an array", []any{true, nil}, "A\x00\x00\x00\x03t\x01V"},
		{"a time", wire.Timestamp(1), "T\x00\x00\x00\x00\x00\x00\x00\x01"},
		{"a table", wire.Table{{"a", nil}}, "F\x00\x00\x00\x03\x01aV"},
		{"nothing", nil, "V"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := wire.Table{{"key", tt.value}}
			want := "\x03key" + tt.want
			if got := encoded(table); got != want {
				t.Errorf("written as %q, want %q", got, want)
			}
			if got, err := decoded(want); err != nil || !reflect.DeepEqual(got, table) {
				t.Errorf("read as %#v, error %v, want %#v", got, err, table)
			}
			if got, err := wire.ParseBareTable([]byte(want)); err != nil || !reflect.DeepEqual(got, table) {
				t.Errorf("read as %#v, error %v, want %#v", got, err, table)
			}
		})
	}
}

func TestTablesAreReadAsRabbitMQReadsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, fields string
		want         wire.Table
	}{
		{"L is signed", "\x01aL\xff\xff\xff\xff\xff\xff\xff\xfe", wire.Table{{"a", int64(-2)}}},
		{"any bit makes a bool true", "\x01at\x02", wire.Table{{"a", true}}},
		{"order and duplicates are kept", "\x01bV\x01aV\x01bt\x01", wire.Table{{"b", nil}, {"a", nil}, {"b", true}}},
		{"a name may be empty", "\x00V", wire.Table{{"", nil}}},
		{"a name may be no UTF-8", "\x01\xffV", wire.Table{{"\xff", nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := decoded(tt.fields); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, error %v, want %#v", got, err, tt.want)
			}
		})
	}
}

func TestAValueThatAMQPCannotEncodePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		const want = "wire: table has a value of type int, which AMQP has not got"
		if got := recover(); got != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}()
	encoded(wire.Table{{"a", 1}})
}

func TestATableIsChangedInOrder(t *testing.T) {
	t.Parallel()
	abc := wire.Table{{"a", 1}, {"b", 2}, {"a", 3}}
	if v, ok := abc.Get("a"); !ok || v != 1 {
		t.Errorf("a is %v, %t, want the first", v, ok)
	}
	if v, ok := abc.Get("c"); ok || v != nil {
		t.Errorf("c is %v, %t", v, ok)
	}
	tests := []struct {
		name      string
		got, want wire.Table
	}{
		{"set replaces in place", abc.Clone().Set("b", 4), wire.Table{{"a", 1}, {"b", 4}, {"a", 3}}},
		{"set appends", abc.Clone().Set("c", 4), wire.Table{{"a", 1}, {"b", 2}, {"a", 3}, {"c", 4}}},
		{"delete removes all", abc.Clone().Delete("a"), wire.Table{{"b", 2}}},
		{"a clone is another table", abc, wire.Table{{"a", 1}, {"b", 2}, {"a", 3}}},
		{"an empty table can be set", wire.Table(nil).Set("a", 1), wire.Table{{"a", 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !reflect.DeepEqual(tt.got, tt.want) {
				t.Errorf("got %v, want %v", tt.got, tt.want)
			}
		})
	}
}
