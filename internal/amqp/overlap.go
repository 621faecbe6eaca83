package amqp

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// headStart is how long a node may take to answer before the next one is tried in parallel.
const headStart = 500 * time.Millisecond

// attempt is the result of trying one target.
type attempt[T io.Closer] struct {
	target string
	result T
	err    error
}

// firstOf tries each target once, and returns the first result and its target. It tries the
// next target when an attempt fails or takes longer than headStart. The error contains the
// errors of all targets.
func firstOf[T io.Closer](ctx context.Context, targets []string, try func(context.Context, string) (T, error)) (result T, target string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the slower attempts
	waiting, running := targets, 0
	attempts := make(chan attempt[T])
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			one := waiting[0]
			waiting, running = waiting[1:], running+1
			go func() {
				r, err := try(ctx, one)
				attempts <- attempt[T]{one, r, err}
			}()
			if len(waiting) > 0 {
				next.Reset(headStart)
			}
		case a := <-attempts:
			running--
			if a.err == nil {
				go closeSlower(attempts, running)
				return a.result, a.target, nil
			}
			err = both(err, a.err)
			switch {
			case len(waiting) > 0 && ctx.Err() == nil:
				next.Reset(0)
			case running == 0:
				return result, "", err
			}
		}
	}
}

// closeSlower closes the results of n attempts that came too late. Their context has been
// cancelled.
func closeSlower[T io.Closer](attempts <-chan attempt[T], n int) {
	for range n {
		if a := <-attempts; a.err == nil {
			_ = a.result.Close() // it was never used
		}
	}
}

func both(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// tcp opens TCP connections. If a host name has several addresses, the attempts overlap.
// net.Dialer tries the addresses of one family one after the other, so an address that
// drops all packets takes its share of the whole time.
type tcp struct {
	lookup func(ctx context.Context, host string) ([]string, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func newTCP() *tcp { return &tcp{net.DefaultResolver.LookupHost, new(net.Dialer).DialContext} }

// DialContext connects to the first address of the host that answers.
func (d *tcp) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := d.lookup(ctx, host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	conn, _, err := firstOf(ctx, addresses, func(ctx context.Context, ip string) (net.Conn, error) {
		return d.dial(ctx, network, net.JoinHostPort(ip, port))
	})
	return conn, err
}
