package wire_test

import (
	"bytes"
	"testing"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// endless repeats its bytes.
type endless struct {
	b    []byte
	next int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.b[e.next:])
	e.next = (e.next + n) % len(e.b)
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"16 B", 16}, {"1 KiB", 1 << 10}, {"128 KiB", 128<<10 - wire.FrameOverhead}} {
		b.Run(size.name, func(b *testing.B) {
			frame := wire.AppendContent(nil, 1, wire.ClassBasic, nil, make([]byte, size.bytes), 0)
			r := wire.NewReader(&endless{b: frame})
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				for range 2 { // header and body
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// busy are the methods that come with each message.
func busy() []wire.Method {
	return []wire.Method{
		&wire.BasicPublish{Exchange: "events", RoutingKey: "user.signed-up"},
		&wire.BasicDeliver{ConsumerTag: "ctag-worker-1", DeliveryTag: 1 << 40, Exchange: "events", RoutingKey: "user.signed-up"},
		&wire.BasicAck{DeliveryTag: 1 << 40, Multiple: true},
	}
}

func BenchmarkParseMethod(b *testing.B) {
	for _, m := range busy() {
		b.Run(wire.MethodName(m.ID()), func(b *testing.B) {
			p := payload(b, wire.AppendMethod(nil, 1, m))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.ParseMethod(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendMethod(b *testing.B) {
	for _, m := range busy() {
		b.Run(wire.MethodName(m.ID()), func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = wire.AppendMethod(dst[:0], 1, m)
			}
		})
	}
}

func BenchmarkAppendContent(b *testing.B) {
	body := make([]byte, 1<<20)
	var dst []byte
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		dst = wire.AppendContent(dst[:0], 1, wire.ClassBasic, []byte{0, 0}, body, 128<<10)
	}
}

func BenchmarkProperties(b *testing.B) {
	encoded := everyProperty().Append(nil)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := wire.ParseProperties(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		p, dst := everyProperty(), []byte(nil)
		b.ReportAllocs()
		for b.Loop() {
			dst = p.Append(dst[:0])
		}
		if !bytes.Equal(dst, encoded) {
			b.Error("not what has been parsed")
		}
	})
}
