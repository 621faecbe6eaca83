package devbroker

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// output gathers what goes to a client and writes it in as few pieces as may be. Adding
// to it never waits, so that a slow client holds up nobody else.
type output struct {
	conn    net.Conn
	wake    chan struct{}
	waiting atomic.Int64 // bytes not written yet
	starved atomic.Bool  // a consumer wants to hear of room
	beat    atomic.Int64 // nanoseconds without a word until a heartbeat; 0 for none

	mu       sync.Mutex
	pending  []byte
	frameMax uint32
	last     bool // write what is pending, then close
}

const (
	firstFrameMax     = 4096            // until the client has agreed on another
	roomForDeliveries = 1 << 20         // bytes waiting for a client until its consumers pause
	writeTimeout      = 5 * time.Second // for the last words to a client that does not read
)

func newOutput(conn net.Conn) *output {
	return &output{conn: conn, wake: make(chan struct{}, 1), frameMax: firstFrameMax}
}

// method adds the frame of a method.
func (o *output) method(channel uint16, m wire.Method) {
	o.add(func(to []byte) []byte { return wire.AppendMethod(to, channel, m) })
}

// content adds a method that carries a message.
func (o *output) content(channel uint16, m wire.Method, properties, body []byte) {
	o.add(func(to []byte) []byte {
		to = wire.AppendMethod(to, channel, m)
		return wire.AppendContent(to, channel, basicClass, properties, body, o.frameMax)
	})
}

const basicClass = 60

func (o *output) add(write func([]byte) []byte) {
	o.mu.Lock()
	o.pending = write(o.pending)
	o.waiting.Store(int64(len(o.pending)))
	o.mu.Unlock()
	o.poke()
}

func (o *output) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// finish has the rest written and the connection closed.
func (o *output) finish() {
	o.mu.Lock()
	o.last = true
	o.mu.Unlock()
	_ = o.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // a write that hangs already heeds it too
	o.poke()
}

// hasRoom says whether deliveries may be added. After a no, run's onRoom is called
// once there is room.
func (o *output) hasRoom() bool {
	if o.waiting.Load() < roomForDeliveries {
		return true
	}
	o.starved.Store(true)
	return o.waiting.Load() < roomForDeliveries
}

// run writes until finish or a failed write, with heartbeats in between, and closes
// the connection.
func (o *output) run(onRoom func()) {
	defer func() { _ = o.conn.Close() }() // the reader learns of it, and that is what counts
	var spare []byte
	for {
		if o.rest() {
			o.add(wire.AppendHeartbeat)
			continue
		}
		data, last := o.take(spare)
		if len(data) > 0 { // over TLS and pipes even nothing may take its time
			if _, err := o.conn.Write(data); err != nil {
				return
			}
		}
		if last {
			return
		}
		spare = data[:0]
		if o.starved.Swap(false) {
			onRoom()
		}
	}
}

// rest waits for something to write; true if it is time for a heartbeat.
func (o *output) rest() (idle bool) {
	var beat <-chan time.Time
	if d := time.Duration(o.beat.Load()); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		beat = timer.C
	}
	select {
	case <-o.wake:
		return false
	case <-beat:
		return true
	}
}

// take returns what is pending and leaves an empty buffer in its place.
func (o *output) take(spare []byte) (data []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, o.pending = o.pending, spare
	if cap(spare) > roomForDeliveries {
		o.pending = nil // one large message is no reason to keep the room
	}
	o.waiting.Store(0)
	return data, o.last
}

// tune sets what was agreed on: the largest frame, and the pause between heartbeats.
func (o *output) tune(frameMax uint32, beat time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frameMax = frameMax
	o.beat.Store(int64(beat))
}
