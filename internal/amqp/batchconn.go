package amqp

import (
	"net"
	"sync"
	"time"
)

// closeFlush bounds how long Close waits until the queued bytes are written.
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
	wake    chan struct{} // holds one token while there is work to do
	done    chan struct{} // closed when the flusher has ended
}

func newBatchConn(c net.Conn) *batchConn {
	b := &batchConn{Conn: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.flush()
	return b
}

// lostError wraps the error that ended the writing. It distinguishes a lost connection from
// a message that amqp091 cannot write.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// Write queues p. It returns a lostError if an earlier write has failed or the connection
// is closing.
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

// Read reads what the broker sends. After an error it closes the connection, because
// amqp091 reads no further. Close would otherwise wait for a peer that no longer reads.
func (b *batchConn) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err != nil {
		b.fail(err)
	}
	return n, err
}

// SetWriteDeadline does nothing, because Write never blocks. TLS sets a deadline of now
// after its closing alert, and the alert would then never be sent.
func (b *batchConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline calls SetReadDeadline.
func (b *batchConn) SetDeadline(t time.Time) error { return b.SetReadDeadline(t) }

// Close sends the queued bytes, which takes at most closeFlush, and closes the connection.
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
		if len(out) > 0 { // a write to a pipe blocks until it is read, even if it is empty
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

// maxSpare is the largest buffer kept between writes, so that one huge message does not
// keep its memory allocated.
const maxSpare = 1 << 20

// cut closes the connection at once. Queued bytes are lost.
func (b *batchConn) cut() { b.fail(net.ErrClosed) }

// fail closes the connection, so that the reader notices the loss at once.
func (b *batchConn) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.pending = nil
	b.mu.Unlock()
	_ = b.Conn.Close() // already failed: the write's error is the one to report
}
