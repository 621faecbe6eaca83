package devbroker_test

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// wired is a connection without a client library, for what such a library would never
// do. It reads only when it is told to.
type wired struct {
	t    *testing.T
	conn net.Conn
	in   *wire.Reader
}

const protocol = "AMQP\x00\x00\x09\x01"

func wiredTo(t *testing.T, b *devbroker.Broker) *wired {
	t.Helper()
	conn, err := b.Dial("tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wired{t: t, conn: conn, in: wire.NewReader(conn)}
}

// write sends bytes as they are, in one piece.
func (w *wired) write(pieces ...[]byte) {
	w.t.Helper()
	if _, err := w.conn.Write(slices.Concat(pieces...)); err != nil {
		w.t.Fatal(err)
	}
}

// send sends a method.
func (w *wired) send(channel uint16, m wire.Method) {
	w.t.Helper()
	w.write(wire.AppendMethod(nil, channel, m))
}

// login goes through the handshake as guest.
func (w *wired) login(heartbeat uint16) {
	w.t.Helper()
	w.write([]byte(protocol))
	see[*wire.ConnectionStart](w)
	w.send(0, startOk("PLAIN", "\x00guest\x00guest"))
	see[*wire.ConnectionTune](w)
	w.send(0, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072, Heartbeat: heartbeat})
	w.send(0, &wire.ConnectionOpen{VirtualHost: "/"})
	see[*wire.ConnectionOpenOk](w)
	w.in.SetMax(131072)
}

func startOk(mechanism, response string) *wire.ConnectionStartOk {
	return &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Name: "capabilities", Value: wire.Table{{Name: "connection.blocked", Value: true}}}},
		Mechanism:        mechanism, Response: response, Locale: "en_US",
	}
}

// channel opens channel 1, in confirm mode.
func (w *wired) channel() {
	w.t.Helper()
	w.send(1, &wire.ChannelOpen{})
	see[*wire.ChannelOpenOk](w)
	w.send(1, &wire.ConfirmSelect{})
	see[*wire.ConfirmSelectOk](w)
}

// framesOf is the frames of a message.
func framesOf(queue, body string) []byte {
	b := wire.AppendMethod(nil, 1, &wire.BasicPublish{RoutingKey: queue})
	return wire.AppendContent(b, 1, wire.ClassBasic, []byte{0, 0}, []byte(body), 131072)
}

// see reads up to a method of type M.
func see[M wire.Method](w *wired) M {
	w.t.Helper()
	for {
		m, err := w.next()
		if err != nil {
			w.t.Fatalf("%v before %T", err, *new(M))
		}
		if want, ok := m.(M); ok {
			return want
		}
	}
}

// next reads up to the next method. It waits for a minute.
func (w *wired) next() (wire.Method, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	for {
		f, err := w.in.Next()
		if err != nil {
			return nil, err
		}
		if f.Type == wire.FrameMethod {
			return wire.ParseMethod(f.Payload)
		}
	}
}

// confirms reads confirms up to the confirm of the last message, and returns what each message
// has heard first.
func (w *wired) confirms(last uint64) map[uint64]string {
	w.t.Helper()
	heard := map[uint64]string{}
	note := func(tag uint64, multiple bool, what string) {
		for t := uint64(1); t <= tag; t++ {
			if heard[t] == "" && (multiple || t == tag) {
				heard[t] = what
			}
		}
	}
	for heard[last] == "" {
		m, err := w.next()
		if err != nil {
			w.t.Fatalf("%v after %v", err, heard)
		}
		switch m := m.(type) {
		case *wire.BasicAck:
			note(m.DeliveryTag, m.Multiple, "ack")
		case *wire.BasicNack:
			note(m.DeliveryTag, m.Multiple, "nack")
		}
	}
	return heard
}

// consume consumes a queue without limit.
func (w *wired) consume(queue string) {
	w.t.Helper()
	w.send(1, &wire.BasicConsume{Queue: queue})
	see[*wire.BasicConsumeOk](w)
}

// delivery reads up to the end of the next message, of one body frame, and returns it.
func (w *wired) delivery() string {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	for {
		f, err := w.in.Next()
		if err != nil {
			w.t.Fatal(err)
		}
		if f.Type == wire.FrameBody {
			return string(f.Payload)
		}
	}
}
