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

// connection is one client's. Its goroutine reads; another writes what is in out.
type connection struct {
	broker *Broker
	conn   net.Conn
	in     *wire.Reader
	out    *output
	halt   chan struct{} // closed when the broker ends the connection

	account      *account
	capabilities wire.Table
	channelMax   uint16
	patience     atomic.Int64 // nanoseconds that the client may be silent; 0 for ever
	endBy        atomic.Int64 // when its last words are due, in Unix nanoseconds; 0 for never

	// guarded by the broker's mu
	vhost    *vhost
	channels map[uint16]*channel
	closing  bool // we have said close: only close-ok is of interest
	released bool
	halted   bool
	blocked  <-chan struct{} // closed when the client may go on; nil if it may
	told     bool            // that it is blocked
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
	closeTimeout     = 5 * time.Second // for the client's close-ok
)

// Read reads from the client, who may not be silent for longer than agreed.
func (c *connection) Read(p []byte) (int, error) {
	for end, set := int64(0), false; !set || end != c.endBy.Load(); set = true { // say may come in between
		end = c.endBy.Load()
		if err := c.conn.SetReadDeadline(c.deadline(end)); err != nil {
			return 0, err
		}
	}
	return c.conn.Read(p)
}

// deadline is when the client must have spoken; zero if it need not.
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

// serve talks with the client until one of them ends it.
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

// goodbye tells the client why its connection is closed, and says whether its
// answer is worth waiting for.
func (c *connection) goodbye(err error) bool {
	if frame, ok := errors.AsType[*wire.FrameError](err); ok && c.vhost != nil {
		c.broker.do(func() { c.say(&replyError{code: frameError, text: frame.Reason}) })
		_, _ = io.Copy(io.Discard, c) // where the next frame begins is anyone's guess
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

// rest keeps the client waiting.
func (c *connection) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.halt:
	}
}

// say sends close for a reason, once, and lets go of everything the client had.
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
	_ = c.conn.SetReadDeadline(end) // for a reader that waits already
}

// force closes the connection at the broker's wish.
func (c *connection) force(text string) {
	if c.vhost == nil || c.closing {
		c.drop() // in the handshake nobody can be told, and who knows need not be
		return
	}
	c.say(&replyError{code: connectionForced, text: text})
	c.stopWaiting()
}

// drop cuts the connection without a word.
func (c *connection) drop() {
	_ = c.conn.Close() // the reader learns of it
	c.stopWaiting()
}

// stopWaiting ends the wait of a blocked client.
func (c *connection) stopWaiting() {
	if !c.halted {
		c.halted = true
		close(c.halt)
	}
}

// end lets go of everything, when the client is gone or will be.
func (c *connection) end() {
	c.broker.do(func() {
		c.release()
		delete(c.broker.connections, c)
	})
	c.out.finish()
}

// release returns what was not acked and deletes what is exclusive.
func (c *connection) release() {
	if c.released {
		return
	}
	c.released = true
	all := slices.SortedFunc(maps.Values(c.channels), func(a, b *channel) int { return cmp.Compare(a.id, b.id) })
	for _, ch := range all {
		ch.confirms = confirms{} // of which the client has no use
		ch.end()
	}
	for _, ch := range all { // now that none of them receives any more
		ch.requeue(ch.unacked.takeAll(), lostChannel)
	}
	clear(c.channels)
	if c.vhost != nil {
		c.vhost.deleteExclusive(c)
	}
}

// kick has the queues of the client's consumers look again.
func (c *connection) kick() {
	for _, ch := range c.channels {
		ch.kick()
	}
}

// can says whether the client has a capability.
func (c *connection) can(capability string) bool {
	yes, _ := c.capabilities.Get(capability)
	return yes == true
}

// peer is what TLS knows of the client; nil without TLS.
func (c *connection) peer() *tls.ConnectionState {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := t.ConnectionState()
	return &state
}

// handleOne handles a frame; after the last one that has come, confirms are told.
func (c *connection) handleOne(f wire.Frame) error {
	err := c.handle(f)
	if c.in.Buffered() == 0 {
		for _, ch := range c.channels {
			ch.flushConfirms()
		}
	}
	return err
}

// waitWhileBlocked does not read on from a client that published while memory was short.
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
