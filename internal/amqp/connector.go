package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/internal/panics"
	"github.com/warren-mq/warren/retry"
)

// Connector keeps one session open: it dials, and dials again when the session is
// lost. Its methods are safe for concurrent use.
type Connector struct {
	cfg      Config
	role     string
	onChange func(*Session, error)
	pauses   pauses // used by Run only, like nodes
	nodes    nodes

	mu      sync.Mutex
	session *Session
	err     error // why there is no session
	ended   bool  // Run has returned and opens no further session
	changed chan struct{}
}

// NewConnector returns a connector that does nothing until Run. The role, such as
// "consume", ends the connection's name. onChange, which may be nil, is called
// with each new session, and with nil and the cause when one is lost.
func NewConnector(cfg Config, role string, onChange func(*Session, error)) *Connector {
	if onChange == nil {
		onChange = func(*Session, error) {}
	}
	cfg = cfg.withDefaults()
	return &Connector{
		cfg: cfg, role: role, onChange: onChange, pauses: pauses{policy: cfg.Backoff},
		err: errors.New("not tried yet"), changed: make(chan struct{}),
	}
}

// Run connects and stays connected until ctx is done; then it closes the session
// and returns nil. It returns an error if the first connection is refused
// (ErrRefused), the configuration is wrong, or the start-up time is over
// (ErrNotConnected).
func (c *Connector) Run(ctx context.Context) error {
	if err := c.cfg.Validate(); err != nil {
		return c.finish(err)
	}
	s, err := c.first(ctx)
	for err == nil && ctx.Err() == nil {
		began := time.Now()
		c.set(s, nil)
		select {
		case <-s.Done():
			c.set(nil, s.Err())
			s, err = c.again(ctx, time.Since(began))
		case <-ctx.Done():
		}
	}
	switch {
	case s != nil:
		return errors.Join(s.Close(), c.finish(nil))
	case ctx.Err() != nil:
		return c.finish(nil)
	}
	return c.finish(err)
}

// Session returns the live session, or waits for one until ctx is done. The error is
// ErrNotConnected together with the cause. If ctx is done already, Session returns an error
// even if a session is live.
func (c *Connector) Session(ctx context.Context) (*Session, error) {
	for {
		c.mu.Lock()
		s, why, ended, changed := c.session, c.err, c.ended, c.changed
		c.mu.Unlock()
		if s != nil && s.Err() == nil && ctx.Err() == nil {
			return s, nil
		}
		if ended {
			return nil, why
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if _, why = c.Current(); why == nil {
				return nil, fmt.Errorf("%w: %w", ErrNotConnected, context.Cause(ctx))
			}
			return nil, fmt.Errorf("%w: %w: %w", ErrNotConnected, context.Cause(ctx), why)
		}
	}
}

// Apart opens a session in addition to the connector's own, runs f with it, and closes it.
// It is for calls that may cost the connection. If f fails after ctx has ended, Apart does not
// wait for the broker's answer to the close.
func (c *Connector) Apart(ctx context.Context, f func(*Session) error) error {
	s, err := new(nodes).dial(ctx, c.cfg, c.role)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	if err = f(s); err != nil && ctx.Err() != nil {
		s.cut()
	}
	return errors.Join(err, s.Close())
}

// Heartbeat returns the interval after which a silent peer is checked.
func (c *Connector) Heartbeat() time.Duration { return c.cfg.Heartbeat }

// String returns the configuration of the connector with passwords hidden.
func (c *Connector) String() string { return c.cfg.String() }

// GoString returns c.String(), so that no verb prints a password.
func (c *Connector) GoString() string { return c.String() }

// Current returns the live session, or nil and the reason why there is none.
func (c *Connector) Current() (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session, c.err
}

func (c *Connector) first(ctx context.Context) (*Session, error) {
	limit := ctx
	if c.cfg.StartupTimeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, c.cfg.StartupTimeout)
		defer cancel()
	}
	s, err := c.dial(limit, func(err error) bool { return errors.Is(err, ErrRefused) })
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrRefused) {
		return s, err
	}
	return nil, fmt.Errorf("%w within %v: %w", ErrNotConnected, c.cfg.StartupTimeout, err)
}

// again dials until it succeeds or ctx is done. It dials at once if the last session has
// lived for a while. It retries even after a refusal, because a broker that has just
// started may not have loaded its users yet.
func (c *Connector) again(ctx context.Context, lived time.Duration) (*Session, error) {
	if lived >= stable {
		c.pauses.attempt = 0
	} else if err := c.rest(ctx); err != nil {
		return nil, err
	}
	return c.dial(ctx, func(error) bool { return false })
}

// stable is how long a session has to live to count as a success.
const stable = 10 * time.Second

func (c *Connector) rest(ctx context.Context) error {
	select {
	case <-time.After(c.pauses.NextBackOff()):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Connector) dial(ctx context.Context, final func(error) bool) (*Session, error) {
	var session *Session
	var last error
	var reported time.Time
	attempt := func() error {
		s, err := c.nodes.dial(ctx, c.cfg, c.role)
		switch {
		case err == nil:
			session = s
			return nil
		case final(err):
			last = err
			return backoff.Permanent(err)
		case last == nil || !isOver(ctx): // otherwise keep the earlier error, which says more than a timeout
			last = err
		}
		c.note(err)
		if ctx.Err() == nil && time.Since(reported) >= reportEvery {
			reported = time.Now()
			c.report(err)
		}
		return err
	}
	if err := backoff.Retry(attempt, backoff.WithContext(&c.pauses, ctx)); err != nil {
		return nil, cmp.Or(last, err)
	}
	return session, nil
}

// report calls OnConnectFailed.
func (c *Connector) report(err error) {
	if caught := panics.Catch(func() { c.cfg.OnConnectFailed(c.role, err) }); caught != nil {
		slog.Default().Error("broker: OnConnectFailed panicked", "error", caught, "stack", caught.Stack)
	}
}

// reportEvery is the shortest time between two reports of failed attempts.
const reportEvery = time.Minute

// isOver reports whether ctx is done or its deadline has passed. A dial may fail by the
// deadline before ctx is done.
func isOver(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && !time.Now().Before(end)
}

// pauses is a backoff with the pauses of Config.Backoff and without a limit on the
// attempts.
type pauses struct {
	policy  retry.Policy
	attempt int
}

func (p *pauses) NextBackOff() time.Duration {
	p.attempt++
	return p.policy.Randomized(p.attempt, rand.Float64())
}

// Reset does nothing. backoff.Retry calls it at each start, but the pauses start over only
// after a session that has lived for a while.
func (p *pauses) Reset() {}

func (c *Connector) set(s *Session, err error) {
	c.update(func() { c.session, c.err = s, err })
	c.onChange(s, err)
}

// finish marks the end of Run. Callers that wait for a session then get the reason why
// there is none.
func (c *Connector) finish(err error) error {
	c.update(func() { c.session, c.err, c.ended = nil, cmp.Or(err, ErrClosed), true })
	return err
}

// note stores why there is no session yet, for callers of Session and Current.
func (c *Connector) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *Connector) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}
