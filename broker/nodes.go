package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"
)

// headStart is how long a node may take to answer before the next one is tried beside it.
const headStart = 500 * time.Millisecond

// nodes connects to one of several nodes. It is not safe for concurrent use.
type nodes struct {
	last string // host and port of the node that answered last
}

// attempt is the result of trying to connect to one node.
type attempt struct {
	node    string
	session *Session
	err     error
}

// dial tries each node once and returns the first session. It begins at the node that
// answered last. The next one is tried when an attempt fails, or takes too long. The error
// is that of all nodes.
func (n *nodes) dial(ctx context.Context, cfg Config, role string) (*Session, error) {
	cfg, err := cfg.current(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the slower attempts
	waiting, running := n.order(cfg.urls()), 0
	attempts := make(chan attempt)
	next := time.NewTimer(0)
	defer next.Stop()
	var failed error
	for {
		select {
		case <-next.C:
			raw := waiting[0]
			waiting, running = waiting[1:], running+1
			go func() {
				s, err := dialOne(ctx, cfg, role, raw)
				attempts <- attempt{nodeOf(raw), s, err}
			}()
			if len(waiting) > 0 {
				next.Reset(headStart)
			}
		case a := <-attempts:
			running--
			if a.err == nil {
				n.last = a.node
				go closeSlower(attempts, running)
				return a.session, nil
			}
			failed = both(failed, a.err)
			switch {
			case len(waiting) > 0 && ctx.Err() == nil:
				next.Reset(0)
			case running == 0:
				return nil, failed
			}
		}
	}
}

// order returns urls, beginning at the node that answered last, or at a random one.
func (n *nodes) order(urls []string) []string {
	first := slices.IndexFunc(urls, func(raw string) bool { return n.last != "" && nodeOf(raw) == n.last })
	if first < 0 {
		first = rand.IntN(len(urls))
	}
	return slices.Concat(urls[first:], urls[:first])
}

// nodeOf returns the host and port of an AMQP URL. The rest of it may change: passwords do.
func nodeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// closeSlower closes the sessions of n attempts that came too late. Their context has
// been cancelled.
func closeSlower(attempts <-chan attempt, n int) {
	for range n {
		if a := <-attempts; a.session != nil {
			_ = a.session.Close() // it was never used
		}
	}
}

func both(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}
