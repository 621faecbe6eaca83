package conformance_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// Kinds of frames.
const (
	methodFrame    = 1
	headerFrame    = 2
	bodyFrame      = 3
	heartbeatFrame = 8
	frameEnd       = 0xCE
)

// raw is a TCP connection to the broker without a client library. It can send frames that a
// library never sends, and see frames that a library hides.
type raw struct {
	*notes
	conn   net.Conn
	reader *bufio.Reader
	doing  string // prefix of the notes on received frames
}

// turn is a test step that runs on its own connection.
type turn struct {
	name string
	do   func() *raw
}

// abreast starts all turns before it notes the result of the first. Waiting for each result
// before the next turn would be slow, because a broker waits before it drops a connection.
func (n *notes) abreast(see int, turns ...turn) {
	n.t.Helper()
	var all []*raw
	for _, turn := range turns {
		r := turn.do()
		r.doing = turn.name + ": "
		all = append(all, r)
	}
	for _, r := range all {
		r.see(see)
	}
}

// raw connects and sends nothing.
func (n *notes) raw() *raw {
	n.t.Helper()
	u, err := url.Parse(n.url)
	if err != nil {
		n.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	return &raw{notes: n, conn: conn, reader: bufio.NewReader(conn)}
}

// rawStarted connects and waits for connection.start.
func (n *notes) rawStarted() *raw {
	n.t.Helper()
	r := n.raw()
	r.hello()
	r.skip("connection.start")
	return r
}

// rawTuning connects, logs in and waits for connection.tune.
func (n *notes) rawTuning() *raw {
	n.t.Helper()
	r := n.rawStarted()
	r.login("PLAIN", "\x00guest\x00guest")
	r.skip("connection.tune")
	return r
}

// rawOpen connects and opens the virtual host and channel 1. A heartbeat of zero seconds
// disables heartbeats.
func (n *notes) rawOpen(heartbeat uint16) *raw {
	n.t.Helper()
	r := n.rawTuning()
	r.send(0, "connection.tune-ok", uint16(2047), uint32(131072), heartbeat)
	r.send(0, "connection.open", "/", "", uint8(0))
	r.skip("connection.open-ok")
	r.send(1, "channel.open", "")
	r.skip("channel.open-ok")
	return r
}

// hello sends the protocol header of AMQP 0-9-1.
func (r *raw) hello() { r.write([]byte("AMQP\x00\x00\x09\x01")) }

// login answers connection.start as a client that supports authentication_failure_close.
func (r *raw) login(mechanism, response string) {
	capabilities := table{"authentication_failure_close": true, "consumer_cancel_notify": true, "connection.blocked": true}
	r.send(0, "connection.start-ok", table{"capabilities": capabilities}, mechanism, []byte(response), "en_US")
}

// write sends raw bytes. It ignores errors: reading detects a closed connection.
func (r *raw) write(b []byte) { _, _ = r.conn.Write(b) }

// frame sends a frame.
func (r *raw) frame(kind byte, channel uint16, payload []byte) {
	b := append(binary.BigEndian.AppendUint16([]byte{kind}, channel), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[3:], uint32(len(payload)))
	r.write(append(append(b, payload...), frameEnd))
}

// send sends a method by its name, as in "queue.declare".
func (r *raw) send(channel uint16, method string, args ...any) {
	r.t.Helper()
	for id, name := range methods {
		if name == method {
			r.sendID(channel, id, args...)
			return
		}
	}
	r.t.Fatalf("no method %s", method)
}

// sendID sends a method that may not exist.
func (r *raw) sendID(channel uint16, id methodID, args ...any) {
	b := binary.BigEndian.AppendUint16(nil, id.class)
	b = binary.BigEndian.AppendUint16(b, id.method)
	for _, arg := range args {
		b = appendArg(b, arg)
	}
	r.frame(methodFrame, channel, b)
}

// header sends a content header of class basic without properties.
func (r *raw) header(channel uint16, size uint64) {
	b := []byte{0, 60, 0, 0}
	b = binary.BigEndian.AppendUint64(b, size)
	r.frame(headerFrame, channel, append(b, 0, 0))
}

// publish sends a message on channel 1, through the default exchange.
func (r *raw) publish(queue, body string) {
	r.t.Helper()
	r.send(1, "basic.publish", uint16(0), "", r.at(queue), uint8(0))
	r.header(1, uint64(len(body)))
	if body != "" {
		r.frame(bodyFrame, 1, []byte(body))
	}
}

// read returns the next frame, or the error that ended the connection.
func (r *raw) read(wait time.Duration) (kind byte, channel uint16, payload []byte, err error) {
	if err := r.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, 0, nil, err
	}
	var head [7]byte
	if _, err := io.ReadFull(r.reader, head[:]); err != nil {
		return 0, 0, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint32(head[3:])+1)
	if _, err := io.ReadFull(r.reader, payload); err != nil {
		return 0, 0, nil, err
	}
	return head[0], binary.BigEndian.Uint16(head[1:]), payload[:len(payload)-1], nil
}

// see notes the next n frames, heartbeats left out, or the end of the connection.
func (r *raw) see(n int) {
	r.t.Helper()
	for n > 0 {
		kind, channel, payload, err := r.read(patience)
		if err != nil {
			r.notef("%s%s", r.doing, ending(err))
			return
		}
		if kind != heartbeatFrame {
			r.notef("%s%s", r.doing, describe(kind, channel, payload))
			n--
		}
	}
}

// seeNone notes whether a frame arrives.
func (r *raw) seeNone() {
	r.t.Helper()
	kind, channel, payload, err := r.read(nothing)
	if err != nil {
		r.notef("%s%s", r.doing, ending(err))
		return
	}
	r.notef("%s comes", describe(kind, channel, payload))
}

// skip reads the next frame, which must be the given method, and returns its arguments.
func (r *raw) skip(method string) *cursor {
	r.t.Helper()
	kind, channel, payload, err := r.read(patience)
	for err == nil && kind == heartbeatFrame { // on a slow machine a heartbeat may arrive before the next method
		kind, channel, payload, err = r.read(patience)
	}
	if err != nil {
		r.t.Fatalf("%s while waiting for %s\n%s", ending(err), method, r.noted())
	}
	k := &cursor{b: payload}
	if kind != methodFrame || k.method() != method {
		r.t.Fatalf("got %s, want %s\n%s", describe(kind, channel, payload), method, r.noted())
	}
	return k
}

// ending describes how a connection ended, if it has ended.
func ending(err error) string {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // as net returns it
		return "nothing comes"
	}
	return "disconnected"
}

// describe describes a frame, with the arguments of the methods that matter here.
func describe(kind byte, channel uint16, payload []byte) string {
	on := ""
	if channel != 0 {
		on = fmt.Sprintf("channel %d: ", channel)
	}
	k := &cursor{b: payload}
	switch kind {
	case methodFrame:
		name := k.method()
		return on + name + k.arguments(name)
	case headerFrame:
		k.skip(4)
		return on + fmt.Sprintf("header of %d bytes", k.long64())
	case bodyFrame:
		return on + fmt.Sprintf("body %q", payload)
	case heartbeatFrame:
		return on + "heartbeat"
	}
	return on + fmt.Sprintf("frame of type %d", kind)
}

// answer returns up to n bytes of the broker's answer to input that is not a frame.
func (r *raw) answer(n int) []byte {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	b := make([]byte, n)
	n, _ = io.ReadFull(r.reader, b) // less, if the broker has closed
	return b[:n]
}

// amqplain encodes name and password as the mechanism AMQPLAIN wants them: a table
// without its length.
func amqplain(user, password string) string {
	return string(appendArg(nil, table{"LOGIN": user, "PASSWORD": password})[4:])
}
