package devbroker

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// connection is the connection of one client. One goroutine reads and handles frames; another
// writes the contents of out.
type connection struct {
	broker *Broker
	conn   net.Conn
	in     *wire.Reader
	out    *output
	halt   chan struct{} // closed when the broker ends the connection

	account      *account
	capabilities wire.Table
	channelMax   uint16
	patience     atomic.Int64 // nanoseconds that the client may be silent; 0 means no limit
	endBy        atomic.Int64 // deadline for the client's last frames, in Unix nanoseconds; 0 means none

	// guarded by the broker's mu
	vhost       *vhost
	channels    map[uint16]*channel
	closing     bool // the broker has sent close and ignores everything but close-ok
	released    bool
	halted      bool
	blocked     <-chan struct{} // closed when the client may publish again; nil if it is not blocked
	blockedSent bool            // connection.blocked was sent
}

func newConnection(b *Broker, conn net.Conn) *connection {
	c := &connection{
		broker: b, conn: conn, out: newOutput(conn), halt: make(chan struct{}),
		channels: map[uint16]*channel{},
	}
	c.patience.Store(int64(handshakeTimeout))
	c.in = wire.NewReader(c)
	return c
}

const (
	handshakeTimeout = 10 * time.Second
	closeTimeout     = 5 * time.Second // how long to wait for the client's close-ok
)

// Read reads from the client, with the agreed timeout as the deadline.
func (c *connection) Read(p []byte) (int, error) {
	for end, set := int64(0), false; !set || end != c.endBy.Load(); set = true { // say may set endBy in between
		end = c.endBy.Load()
		if err := c.conn.SetReadDeadline(c.deadline(end)); err != nil {
			return 0, err
		}
	}
	return c.conn.Read(p)
}

// deadline returns the time by which the client must have sent data. Zero means no deadline.
func (c *connection) deadline(end int64) time.Time {
	patience := time.Duration(c.patience.Load())
	switch {
	case end > 0:
		return time.Unix(0, end)
	case patience > 0:
		return time.Now().Add(patience)
	}
	return time.Time{}
}

// serve handles the connection until the client or the broker closes it.
func (c *connection) serve() {
	var writer sync.WaitGroup
	writer.Go(func() { c.out.run(func() { c.broker.do(c.kick) }) })
	defer writer.Wait()
	defer c.end()
	err := c.handshake()
	for err == nil || c.goodbye(err) {
		var f wire.Frame
		if f, err = c.in.Next(); err != nil {
			continue
		}
		c.broker.do(func() { err = c.handleOne(f) })
		if err == nil {
			c.waitWhileBlocked()
		}
	}
}

// goodbye sends the client the reason for the close, and reports whether to wait for its
// answer.
func (c *connection) goodbye(err error) bool {
	if frame, ok := errors.AsType[*wire.FrameError](err); ok && c.vhost != nil {
		c.broker.do(func() { c.say(&replyError{code: frameError, text: frame.Reason}) })
		_, _ = io.Copy(io.Discard, c) // the start of the next frame is unknown
		return false
	}
	if errors.Is(err, errLogin) || errors.Is(err, errOutOfTurn) {
		c.rest(silentClose)
		return false
	}
	reply := asReply(err)
	if reply == nil || c.vhost == nil && !reply.early {
		return false
	}
	c.broker.do(func() { c.say(reply) })
	return true
}

// rest waits for d, or until the broker ends the connection.
func (c *connection) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.halt:
	}
}

// say sends connection.close with the reason, once, and releases the client's resources.
func (c *connection) say(reply *replyError) {
	if c.closing {
		return
	}
	c.closing = true
	c.release()
	c.out.method(0, &wire.ConnectionClose{
		ReplyCode: reply.code, ReplyText: reply.reply(), ClassID: reply.class, MethodID: reply.method,
	})
	end := time.Now().Add(closeTimeout)
	c.endBy.Store(end.UnixNano())
	_ = c.conn.SetReadDeadline(end) // also applies to a read in progress
}

// force closes the connection on behalf of the broker.
func (c *connection) force(text string) {
	if c.vhost == nil || c.closing {
		c.drop() // during the handshake close cannot be sent, and after the first close it is not needed
		return
	}
	c.say(&replyError{code: connectionForced, text: text})
	c.stopWaiting()
}

// drop closes the network connection without connection.close.
func (c *connection) drop() {
	_ = c.conn.Close() // the reader gets the error
	c.stopWaiting()
}

// stopWaiting ends the wait of a blocked client.
func (c *connection) stopWaiting() {
	if !c.halted {
		c.halted = true
		close(c.halt)
	}
}

// end releases the client's resources and has the connection closed.
func (c *connection) end() {
	c.broker.do(func() {
		c.release()
		delete(c.broker.connections, c)
	})
	c.out.finish()
}

// release requeues unacknowledged messages and deletes exclusive queues.
func (c *connection) release() {
	if c.released {
		return
	}
	c.released = true
	all := slices.SortedFunc(maps.Values(c.channels), func(a, b *channel) int { return cmp.Compare(a.id, b.id) })
	for _, ch := range all {
		ch.confirms = confirms{} // the client can no longer use them
		ch.end()
	}
	for _, ch := range all { // after all consumers of the connection have ended
		ch.requeue(ch.unacked.takeAll(), lostChannel)
	}
	clear(c.channels)
	if c.vhost != nil {
		c.vhost.deleteExclusive(c)
	}
}

// kick wakes the queues of the client's consumers, so that they deliver what they can.
func (c *connection) kick() {
	for _, ch := range c.channels {
		ch.kick()
	}
}

// can reports whether the client has a capability.
func (c *connection) can(capability string) bool {
	yes, _ := c.capabilities.Get(capability)
	return yes == true
}

// peer returns the TLS state of the connection, or nil without TLS.
func (c *connection) peer() *tls.ConnectionState {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := t.ConnectionState()
	return &state
}

// handleOne handles a frame. After the last frame that has arrived it sends the confirms.
func (c *connection) handleOne(f wire.Frame) error {
	err := c.handle(f)
	if c.in.Buffered() == 0 {
		for _, ch := range c.channels {
			ch.flushConfirms()
		}
	}
	return err
}

// waitWhileBlocked blocks while an alarm applies to a client that has published.
func (c *connection) waitWhileBlocked() {
	if c.blocked == nil {
		return
	}
	select {
	case <-c.blocked:
		c.blocked = nil
	case <-c.halt:
	}
}
