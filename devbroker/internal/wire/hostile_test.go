package wire_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func TestMalformedTablesAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, fields string }{
		{"a name without an end", "\x05abc"},
		{"no tag", "\x01a"},
		{"an unknown tag", "\x01aU\x00\x00"},
		{"no bool", "\x01at"},
		{"half an int", "\x01aI\x00\x00"},
		{"half a decimal", "\x01aD\x02\x00"},
		{"a string that is too short", "\x01aS\x00\x00\x00\x02x"},
		{"a length cut short", "\x01aS\x00\x00"},
		{"a table with a byte too many", "\x01aF\x00\x00\x00\x04\x01bV\x01"},
		{"an array with half a value", "\x01aA\x00\x00\x00\x02Vt"},
		{"an array that reaches into what follows", "\x01aA\x00\x00\x00\x02V"},
		{"65 tables in each other", nested('F', 65)},
		{"65 arrays in each other", nested('A', 65)},
		{"10000 arrays in each other", nested('A', 10000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var e *wire.FrameError
			if got, err := decoded(tt.fields); !errors.As(err, &e) {
				t.Errorf("got %v, error %v, want a FrameError", got, err)
			}
		})
	}
}

func TestTablesLie64Deep(t *testing.T) {
	t.Parallel()
	for _, tag := range []byte{'F', 'A'} {
		if _, err := decoded(nested(tag, 64)); err != nil {
			t.Errorf("%c: %v", tag, err)
		}
	}
}

// nested returns a field of tables or arrays, nested n deep.
func nested(tag byte, depth int) string {
	value := []byte(nil)
	for range depth {
		next := binary.BigEndian.AppendUint32([]byte{tag}, uint32(len(value)))
		if tag == 'F' && len(value) > 0 {
			next = binary.BigEndian.AppendUint32([]byte{tag}, uint32(len(value)+1))
			next = append(next, 0) // an empty name
		}
		value = append(next, value...)
	}
	return "\x01a" + string(value)
}

func TestMalformedMethodsAreRefusedInRabbitMQsWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
		class, method  uint16
	}{
		{"no method", "\x00\x0a\x00", "wire: cannot decode <<0,10,0>>", 0, 0},
		{"an ack cut short", "\x00\x3c\x00\x50\x00\x01", "wire: cannot decode <<0,1>>", wire.ClassBasic, 80},
		{"a consumer tag that is no UTF-8", "\x00\x3c\x00\x1e\x01\xff\x00", "wire: Malformed UTF-8 in shortstr", 0, 0},
		{
			"a table that ends early", "\x00\x32\x00\x32\x00\x00\x00\x00\x00\x00\x00\x00\x02\x05",
			"wire: cannot decode <<0,0,0,0,0,0,0,0,2,5>>", wire.ClassQueue, 50,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.ParseMethod([]byte(tt.in))
			var e *wire.FrameError
			if !errors.As(err, &e) || e.Error() != tt.want || e.Class != tt.class || e.Method != tt.method {
				t.Errorf("got %v, %+v\nwant %s", err, e, tt.want)
			}
		})
	}
}

func TestAnInvalidTableNameHasAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	if _, err := wire.ParseMethod([]byte("\x00\x32\x00\x32\x00\x00\x00\x00\x00\x00\x00\x00\x01\x05")); !errors.Is(err, wire.ErrBadTable) {
		t.Errorf("among arguments: got %v, want ErrBadTable", err)
	}
	if _, err := wire.ParseBareTable([]byte("\x05")); !errors.Is(err, wire.ErrBadTable) {
		t.Errorf("by itself: got %v, want ErrBadTable", err)
	}
}

func TestARefusalShowsNoMoreThanAReplyTextHolds(t *testing.T) {
	t.Parallel()
	_, err := wire.ParseMethod([]byte("\x00\x3c\x00\x50" + strings.Repeat("x", 1<<20)))
	if err == nil || len(err.Error()) > 2000 {
		t.Errorf("got %d bytes", len(err.Error()))
	}
}

func TestUnknownMethodsAreNamedByNumber(t *testing.T) {
	t.Parallel()
	for _, id := range [][2]uint16{{60, 0}, {60, 121}, {60, 65535}, {0, 10}, {61, 10}, {65535, 65535}} {
		in := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id[0]), id[1])
		var e *wire.UnknownMethodError
		if m, err := wire.ParseMethod(in); !errors.As(err, &e) || e.Class != id[0] || e.Method != id[1] {
			t.Errorf("%v: got %v, error %v", id, m, err)
		}
		if name := wire.MethodName(id[0], id[1]); name != "" {
			t.Errorf("%v has the name %q", id, name)
		}
		if got, want := wire.KnownClass(id[0]), id[0] == wire.ClassBasic; got != want {
			t.Errorf("class %d is known: %t, want %t", id[0], got, want)
		}
	}
}

func TestParsedValuesKeepNoPartOfTheInput(t *testing.T) {
	t.Parallel()
	in := payload(t, wire.AppendMethod(nil, 1, &wire.QueueDeclare{Queue: "queue", Arguments: everyType()}))
	m, err := wire.ParseMethod(in)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.AppendMethod(nil, 1, m)
	clear(in)
	if got := wire.AppendMethod(nil, 1, m); string(got) != string(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// It does not run beside others: they would be measured too.
func TestALengthBeyondTheInputAllocatesNoMemory(t *testing.T) {
	arguments := func(table string) func() error {
		return func() error {
			_, err := wire.ParseMethod([]byte("\x00\x32\x00\x0a\x00\x00\x00\x00" + table)) // of queue.declare
			return err
		}
	}
	tests := []struct {
		name  string
		parse func() error
	}{
		{"a frame", func() error {
			_, err := wire.NewReader(strings.NewReader("\x01\x00\x00\xff\xff\xff\xff")).Next()
			return err
		}},
		{"a long string", func() error {
			_, err := wire.ParseMethod([]byte("\x00\x0a\x00\x14\xff\xff\xff\xffabc")) // of connection.secure
			return err
		}},
		{"a table", arguments("\xff\xff\xff\xff\x01aV")},
		{"a string in a table", arguments("\x00\x00\x00\x07\x01aS\xff\xff\xff\xff")},
		{"an array in a table", arguments("\x00\x00\x00\x07\x01aA\x7f\xff\xff\xff")},
		{"headers", func() error {
			_, err := wire.ParseProperties([]byte("\x20\x00\xff\xff\xff\xf0"))
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := tt.parse()
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("no error")
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}
