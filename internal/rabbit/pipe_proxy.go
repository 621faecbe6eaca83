package rabbit

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// pipeProxy is a proxy between pipes.
type pipeProxy struct {
	host, upstream string

	relays sync.WaitGroup

	mu    sync.Mutex
	delay time.Duration
	open  []net.Conn
	lost  chan struct{} // closed by a cut, which drops the bytes in transit; nil while cut
}

func newPipeProxy(tb testing.TB, upstream string) *Proxy {
	tb.Helper()
	p := &pipeProxy{host: newPipeHost(), upstream: net.JoinHostPort(upstream, "5672")}
	p.restore()
	tb.Cleanup(p.cut)
	return &Proxy{pipe: p, url: pipeURL(p.host)}
}

func (p *pipeProxy) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	far, err := Dial(ctx, network, p.upstream)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := p.lost
	if lost == nil { // the proxy was cut meanwhile
		return nil, errors.Join(errRefused, far.Close())
	}
	client, near := net.Pipe()
	p.open = append(p.open, near, far)
	p.relays.Go(func() { p.pass(far, near, lost) })
	p.relays.Go(func() { p.pass(near, far, lost) })
	return client, nil
}

// pass copies bytes from one end to the other until one of them closes.
func (p *pipeProxy) pass(to, from net.Conn, lost <-chan struct{}) {
	defer closeAll(to, from)
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !p.hold(lost) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// hold waits for the delay. It returns false if the connection is lost meanwhile.
func (p *pipeProxy) hold(lost <-chan struct{}) bool {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	if delay == 0 {
		return true
	}
	select {
	case <-time.After(delay):
		return true
	case <-lost:
		return false
	}
}

func (p *pipeProxy) setDelay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

func (p *pipeProxy) cut() {
	pipes.Delete(p.host)
	p.mu.Lock()
	if p.lost != nil {
		close(p.lost)
	}
	closeAll(p.open...)
	p.lost, p.open = nil, nil
	p.mu.Unlock()
	p.relays.Wait()
}

func (p *pipeProxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = make(chan struct{})
	pipes.Store(p.host, dialer(p.dial))
}

func closeAll(pipes ...net.Conn) {
	for _, c := range pipes {
		_ = c.Close() // closing a pipe returns no error
	}
}
