package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// payload returns the payload of the one frame that b is.
func payload(t testing.TB, b []byte) []byte {
	t.Helper()
	r := wire.NewReader(bytes.NewReader(b))
	r.SetMax(0)
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return f.Payload
}

// eachMethod calls f with a new value of each method that there is.
func eachMethod(t *testing.T, f func(t *testing.T, name string, m wire.Method)) {
	t.Helper()
	n := 0
	for id := range uint32(100 << 16) {
		class, method := uint16(id>>16), uint16(id)
		name := wire.MethodName(class, method)
		if name == "" {
			continue
		}
		n++
		m := wire.NewMethod(class, method)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, name, m)
		})
	}
	if n != 66 {
		t.Errorf("there are %d methods, want 66", n)
	}
}

func TestAMethodHasTheNameAndNumbersOfItsType(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, name string, m wire.Method) {
		if got := wire.MethodName(m.ID()); got != name {
			t.Errorf("its numbers belong to %q", got)
		}
		typ := strings.ToLower(reflect.TypeOf(m).Elem().Name())
		if want := strings.NewReplacer(".", "", "-", "").Replace(name); typ != want {
			t.Errorf("its type is %s, want %s", typ, want)
		}
	})
}

func TestAMethodIsOnTheWireAsRabbitMQHasIt(t *testing.T) {
	t.Parallel()
	want := rabbitMQs(t)
	eachMethod(t, func(t *testing.T, name string, m wire.Method) {
		fill(t, reflect.ValueOf(m).Elem())
		if got := hex.EncodeToString(payload(t, wire.AppendMethod(nil, 7, m))); got != want[name] {
			t.Errorf("got  %s\nwant %s", got, want[name])
		}
	})
}

func TestAMethodComesBackAsItWasSent(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, _ string, m wire.Method) {
		fill(t, reflect.ValueOf(m).Elem())
		sent := payload(t, wire.AppendMethod(nil, 7, m))
		got, err := wire.ParseMethod(sent)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, want %+v", got, m)
		}
		for i := range sent {
			if _, err := wire.ParseMethod(sent[:i]); err == nil {
				t.Errorf("%d of its %d bytes are enough", i, len(sent))
			}
		}
		var e *wire.FrameError
		if _, err := wire.ParseMethod(append(sent, 0)); !errors.As(err, &e) {
			t.Errorf("with a byte too many the error is %v, want a FrameError", err)
		} else if got := wire.MethodName(e.Class, e.Method); got != wire.MethodName(m.ID()) {
			t.Errorf("with a byte too many the error names method %q", got)
		}
	})
}

// rabbitMQs returns the methods as RabbitMQ has them, in hexadecimal, by name.
func rabbitMQs(t testing.TB) map[string]string {
	t.Helper()
	file, err := os.ReadFile("testdata/methods.txt")
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]string{}
	for line := range strings.Lines(string(file)) {
		if f := strings.Fields(line); f[0] != "#" {
			methods[f[0]] = f[1]
		}
	}
	return methods
}

// fill sets each field to a value of its own.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprintf("string %d", i))
		case reflect.Bool:
			f.SetBool(i%2 == 0)
		case reflect.Slice:
			f.Set(reflect.ValueOf(wire.Table{{Name: "x-max-length", Value: int32(i)}, {Name: "x-nothing"}}))
		default:
			f.SetUint(uint64(100 + i))
		}
	}
}
