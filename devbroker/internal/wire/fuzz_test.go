package wire_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func FuzzReader(f *testing.F) {
	f.Add(wire.AppendHeartbeat(nil), uint32(0))
	f.Add(wire.AppendContent(nil, 1, wire.ClassBasic, []byte{0, 0}, []byte("hello"), 10), uint32(4096))
	f.Add([]byte("\x01\x00\x00\xff\xff\xff\xff"), uint32(1<<31))
	f.Fuzz(func(t *testing.T, in []byte, frameMax uint32) {
		r := wire.NewReader(bytes.NewReader(in))
		r.SetMax(frameMax)
		var out []byte
		for {
			frame, err := r.Next()
			if err != nil {
				break
			}
			n := len(frame.Payload)
			if frameMax != 0 && uint64(n) > uint64(frameMax) {
				t.Fatalf("a payload of %d bytes, want %d at most", n, frameMax)
			}
			out = append(out, frame.Type, byte(frame.Channel>>8), byte(frame.Channel))
			out = append(out, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
			out = append(append(out, frame.Payload...), wire.FrameEnd)
			_ = frame.String()
		}
		if !bytes.HasPrefix(in, out) {
			t.Errorf("read %q from %q", out, in)
		}
	})
}

func FuzzMethod(f *testing.F) {
	for _, m := range rabbitMQs(f) {
		in, err := hex.DecodeString(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	f.Add(payload(f, wire.AppendMethod(nil, 1, &wire.QueueDeclare{Queue: "q", Arguments: everyType()})))
	f.Add([]byte{0, 60, 0, 80})
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := wire.ParseMethod(in)
		if err != nil {
			return
		}
		once := wire.AppendMethod(nil, 1, m)
		again, err := wire.ParseMethod(payload(t, once))
		if err != nil {
			t.Fatalf("%+v, written again: %v", m, err)
		}
		if twice := wire.AppendMethod(nil, 1, again); !bytes.Equal(once, twice) {
			t.Errorf("written %q, and then %q", once, twice)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add(encoded(everyType()))
	f.Add(nested('F', 3))
	f.Add("\x01aL\xff\xff\xff\xff\xff\xff\xff\xfe")
	f.Fuzz(func(t *testing.T, fields string) {
		table, err := decoded(fields)
		if err != nil {
			return
		}
		once := encoded(table)
		if len(once) != len(fields) {
			t.Errorf("%d bytes have become %d", len(fields), len(once))
		}
		again, err := decoded(once)
		if err != nil {
			t.Fatalf("%v, written again: %v", table, err)
		}
		if twice := encoded(again); once != twice {
			t.Errorf("written %q, and then %q", once, twice)
		}
		for _, field := range table {
			if wire.TypeName(field.Value) == "" {
				t.Errorf("%T has no name", field.Value)
			}
		}
	})
}

func FuzzProperties(f *testing.F) {
	f.Add(everyProperty().Append(nil))
	f.Add([]byte{0, 3})
	f.Add([]byte{0x80, 0, 200})
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := wire.ParseProperties(in)
		if err != nil {
			return
		}
		once := p.Append(nil)
		if len(p.Headers) == 0 && !bytes.Equal(once, in) {
			t.Errorf("read %q, written %q", in, once)
		}
		again, err := wire.ParseProperties(once)
		if err != nil {
			t.Fatalf("%+v, written again: %v", p, err)
		}
		if twice := again.Append(nil); !bytes.Equal(once, twice) {
			t.Errorf("written %q, and then %q", once, twice)
		}
	})
}
