package amqp

import (
	"net"
	"sync"
	"time"
)

// closeFlush bounds how long Close waits for the last bytes to leave.
const closeFlush = time.Second

// batchConn gathers small writes and sends those that are ready with one system
// call: amqp091 flushes after every ack and publish. Write never blocks; what it
// may hold is bounded by the publisher's window and the consumers' prefetch.
type batchConn struct {
	net.Conn
	mu      sync.Mutex
	pending []byte
	err     error
	closing bool
	wake    chan struct{} // holds one token: there is something to do
	done    chan struct{} // closed when the flusher has ended
}

func newBatchConn(c net.Conn) *batchConn {
	b := &batchConn{Conn: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.flush()
	return b
}

// lostError is what stopped the writing. It tells a lost connection from a message that
// amqp091 cannot write.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// Write queues p. An error is that of an earlier write, a lostError.
func (b *batchConn) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return 0, lostError{b.err}
	case b.closing:
		return 0, lostError{net.ErrClosed}
	}
	b.pending = append(b.pending, p...)
	b.signal()
	return len(p), nil
}

// Read reads what the broker sends. After an error it closes the connection: amqp091 reads
// no further, and Close must not wait for bytes that a silent peer does not take.
func (b *batchConn) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err != nil {
		b.fail(err)
	}
	return n, err
}

// SetWriteDeadline does nothing: Write never blocks, and TLS sets a deadline of now
// after its goodbye, which would then never leave.
func (b *batchConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (b *batchConn) SetDeadline(t time.Time) error { return b.SetReadDeadline(t) }

// Close sends what is queued, for a moment at most, and closes the connection.
func (b *batchConn) Close() error {
	b.mu.Lock()
	b.closing = true
	b.signal()
	b.mu.Unlock()
	timer := time.NewTimer(closeFlush)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
	return b.Conn.Close()
}

func (b *batchConn) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *batchConn) flush() {
	defer close(b.done)
	var spare []byte
	for range b.wake {
		b.mu.Lock()
		out, last := b.pending, b.closing
		b.pending = spare[:0]
		b.mu.Unlock()
		if len(out) > 0 { // a pipe waits for its reader even with nothing to write
			if _, err := b.Conn.Write(out); err != nil {
				b.fail(err)
				return
			}
		}
		if last {
			return
		}
		spare = out
		if cap(spare) > maxSpare {
			spare = nil
		}
	}
}

// maxSpare is the largest buffer kept between writes, so that one huge message
// does not pin its size for ever.
const maxSpare = 1 << 20

// cut closes the connection at once. What is queued is lost.
func (b *batchConn) cut() { b.fail(net.ErrClosed) }

// fail closes the connection under the reader, so that the loss is seen at once.
func (b *batchConn) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.pending = nil
	b.mu.Unlock()
	_ = b.Conn.Close() // already failed: the write's error is the one to report
}
