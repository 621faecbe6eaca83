package devbroker

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeRoom is how many unread bytes a pipe buffers. It imitates the buffer of a socket,
// because clients write while they hold their locks.
const pipeRoom = 1 << 20

// newPipe returns both ends of a connection in memory.
func newPipe() (client, server net.Conn) {
	up, down := newFlow(), newFlow()
	return &pipeEnd{in: down, out: up}, &pipeEnd{in: up, out: down}
}

// pipeEnd is one end of a pipe. The out of one end is the in of the other.
type pipeEnd struct{ in, out *flow }

func (e *pipeEnd) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }

// Close closes both directions. Data written before can still be read.
func (e *pipeEnd) Close() error {
	e.in.close(true)
	e.out.close(false)
	return nil
}

func (e *pipeEnd) LocalAddr() net.Addr  { return pipeAddr{} }
func (e *pipeEnd) RemoteAddr() net.Addr { return pipeAddr{} }

func (e *pipeEnd) SetReadDeadline(t time.Time) error  { return e.in.setDeadline(&e.in.readBy, t) }
func (e *pipeEnd) SetWriteDeadline(t time.Time) error { return e.out.setDeadline(&e.out.writeBy, t) }

func (e *pipeEnd) SetDeadline(t time.Time) error {
	if err := e.SetReadDeadline(t); err != nil {
		return err
	}
	return e.SetWriteDeadline(t)
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// flow is one direction of a pipe.
type flow struct {
	mu      sync.Mutex
	changed sync.Cond
	data    []byte
	done    int  // bytes of data that were read
	unread  bool // the reader has closed its end
	ended   bool // the writer has closed its end
	readBy  deadline
	writeBy deadline
}

// deadline is the time at which a wait ends. A zero at means no deadline.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newFlow() *flow {
	f := &flow{}
	f.changed.L = &f.mu
	return f
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.unread:
			return 0, net.ErrClosed
		case f.readBy.over():
			return 0, os.ErrDeadlineExceeded
		case len(f.data) > f.done || len(p) == 0:
			n := copy(p, f.data[f.done:])
			if f.done += n; f.done == len(f.data) {
				f.data, f.done = f.data[:0], 0 // the next write needs no new memory
			}
			f.changed.Broadcast()
			return n, nil
		case f.ended:
			return 0, io.EOF
		}
		f.changed.Wait()
	}
}

func (f *flow) write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(p) > 0 {
		switch room := pipeRoom - len(f.data) + f.done; {
		case f.ended:
			return n, net.ErrClosed
		case f.unread:
			return n, io.ErrClosedPipe
		case f.writeBy.over():
			return n, os.ErrDeadlineExceeded
		case room > 0:
			part := p[:min(room, len(p))]
			if len(f.data)+len(part) > cap(f.data) && f.done > len(f.data)/2 { // less would copy too often
				f.data, f.done = f.data[:copy(f.data, f.data[f.done:])], 0
			}
			f.data = append(f.data, part...)
			n, p = n+len(part), p[len(part):]
			f.changed.Broadcast()
		default:
			f.changed.Wait()
		}
	}
	return n, nil
}

func (f *flow) close(byReader bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if byReader {
		f.unread, f.data, f.done = true, nil, 0
	} else {
		f.ended = true
	}
	for _, d := range []*deadline{&f.readBy, &f.writeBy} {
		if d.timer != nil && f.unread && f.ended {
			d.timer.Stop()
		}
	}
	f.changed.Broadcast()
}

func (f *flow) setDeadline(d *deadline, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.at = at
	switch {
	case at.IsZero() && d.timer != nil:
		d.timer.Stop()
	case at.IsZero():
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(at), f.wake)
	default:
		d.timer.Reset(time.Until(at))
	}
	f.changed.Broadcast()
	return nil
}

// wake makes all waiting goroutines check their condition again. It takes the lock so that
// it also reaches a goroutine that has checked its condition but does not wait yet.
func (f *flow) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed.Broadcast()
}
