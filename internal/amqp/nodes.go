package amqp

import (
	"context"
	"math/rand/v2"
	"net/url"
	"slices"
)

// nodes connects to one of several nodes. It is not safe for concurrent use.
type nodes struct {
	last string // host and port of the node that answered last
}

// dial tries each node once and returns the first session. It begins with the node that
// answered last. It tries the next node when an attempt fails or takes too long. The error
// contains the errors of all nodes.
func (n *nodes) dial(ctx context.Context, cfg Config, role string) (*Session, error) {
	cfg, err := cfg.current(ctx)
	if err != nil {
		return nil, err
	}
	session, raw, err := firstOf(ctx, n.order(cfg.urls()), func(ctx context.Context, raw string) (*Session, error) {
		return dialOne(ctx, cfg, role, raw)
	})
	if err == nil {
		n.last = nodeOf(raw)
	}
	return session, err
}

// order returns urls, beginning at the node that answered last, or at a random one.
func (n *nodes) order(urls []string) []string {
	first := slices.IndexFunc(urls, func(raw string) bool { return n.last != "" && nodeOf(raw) == n.last })
	if first < 0 {
		first = rand.IntN(len(urls))
	}
	return slices.Concat(urls[first:], urls[:first])
}

// nodeOf returns the host and port of an AMQP URL. Other parts of the URL, such as the
// password, may change.
func nodeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
