package devbroker

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// output buffers the frames for a client and writes them in as few writes as possible.
// Adding a frame returns without waiting, so a slow client does not delay other clients.
type output struct {
	conn    net.Conn
	wake    chan struct{}
	waiting atomic.Int64 // bytes not written yet
	starved atomic.Bool  // a consumer waits for room
	beat    atomic.Int64 // nanoseconds without a frame until a heartbeat; 0 means no heartbeats

	mu       sync.Mutex
	pending  []byte
	frameMax uint32
	last     bool // write the pending bytes, then close
}

const (
	firstFrameMax     = 4096            // until tuning has set another
	roomForDeliveries = 1 << 20         // pending bytes at which deliveries to the client's consumers pause
	writeTimeout      = 5 * time.Second // for the last frames to a client that does not read
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

// finish makes run write the pending bytes and close the connection.
func (o *output) finish() {
	o.mu.Lock()
	o.last = true
	o.mu.Unlock()
	_ = o.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // also applies to a write in progress
	o.poke()
}

// hasRoom reports whether deliveries may be added. After it returns false, run calls onRoom
// once there is room.
func (o *output) hasRoom() bool {
	if o.waiting.Load() < roomForDeliveries {
		return true
	}
	o.starved.Store(true)
	return o.waiting.Load() < roomForDeliveries
}

// run writes pending bytes and heartbeats until finish or a failed write, and then closes
// the connection.
func (o *output) run(onRoom func()) {
	defer func() { _ = o.conn.Close() }() // the close ends the reader, which is enough
	var spare []byte
	for {
		if o.rest() {
			o.add(wire.AppendHeartbeat)
			continue
		}
		data, last := o.take(spare)
		if len(data) > 0 { // over TLS and pipes even an empty write may block
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

// rest waits for pending bytes. It returns true if a heartbeat is due.
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

// take returns the pending bytes and replaces the buffer with spare.
func (o *output) take(spare []byte) (data []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, o.pending = o.pending, spare
	if cap(spare) > roomForDeliveries {
		o.pending = nil // drop a buffer that a large message has grown
	}
	o.waiting.Store(0)
	return data, o.last
}

// tune sets the negotiated limits: the largest frame, and the interval between heartbeats.
func (o *output) tune(frameMax uint32, beat time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frameMax = frameMax
	o.beat.Store(int64(beat))
}
