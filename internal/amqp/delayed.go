package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
)

// ways are what delayed messages need that was declared in a session, by name. Each is
// declared once, however many wait.
type ways struct {
	mu       sync.Mutex
	session  *Session
	declared map[string]*declaration
}

// declaration is one that is made, or was.
type declaration struct {
	done    chan struct{}
	err     error     // read after done is closed
	made    time.Time // zero while it is made
	renewal time.Time // when it is to be made again
}

// wayInterval is the time between two declarations of what is in use: someone may have
// deleted a part of it.
const wayInterval = 30 * time.Second

// renew notes when to repeat the declaration.
func (d *declaration) renew() { d.made, d.renewal = time.Now(), time.Now().Add(wayInterval) }

// declareOnce returns when t exists. The declaration goes on without a caller whose ctx
// ends, so that those who come later find it done.
func (s *Sender) declareOnce(ctx context.Context, name string, t topology.Topology) error {
	session, err := s.connector.Session(ctx)
	if err != nil {
		return err
	}
	d, err := s.declaration(session, name, t)
	if err != nil {
		return err
	}
	select {
	case <-d.done:
		return d.err
	case <-session.Done():
		return fmt.Errorf("%w: %w", ErrNotConnected, session.Err())
	case <-ctx.Done():
		return declareFailure(session, fmt.Errorf("declare %s: no answer from the broker: %w", name, context.Cause(ctx)))
	}
}

// declaration returns the one of t in this session, and begins it if there is none. One
// that failed is forgotten.
func (s *Sender) declaration(session *Session, name string, t topology.Topology) (*declaration, error) {
	w := &s.ways
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session != session {
		w.session, w.declared = session, make(map[string]*declaration)
	}
	d := w.declared[name]
	if d != nil && (d.made.IsZero() || time.Now().Before(d.renewal)) {
		return d, nil
	}
	next := &declaration{done: make(chan struct{})}
	err := s.background(func() {
		defer close(next.done)
		next.err = s.declareWay(session, t)
		w.finish(session, name, next)
	})
	if err != nil {
		return nil, err
	}
	if d != nil { // it most likely holds still: nobody has to wait for the next
		d.renew()
		return d, nil
	}
	w.declared[name] = next
	return next, nil
}

// finish notes when to repeat a declaration, or forgets one that failed.
func (w *ways) finish(session *Session, name string, d *declaration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.session != session:
	case d.err != nil:
		delete(w.declared, name)
	default:
		d.renew()
		w.declared[name] = d
	}
}

// doubt forgets what was declared a while ago, after a message to the exchange was
// unroutable: someone has deleted a part of it.
func (w *ways) doubt(exchange, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{exchange, key} {
		if d := w.declared[name]; d != nil && !d.made.IsZero() && time.Since(d.made) > doubtGap {
			delete(w.declared, name)
		}
	}
}

// doubtGap is the least time between declarations that unroutable messages cause.
const doubtGap = time.Second

// declareWay declares t for as long as the session lasts, and for a bounded time.
func (s *Sender) declareWay(session *Session, t topology.Topology) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(s.connector.cfg.PublishTimeout, wayTimeout))
	defer cancel()
	return declareFailure(session, session.Declare(ctx, t))
}

// wayTimeout bounds a declaration from below: callers may have less time.
const wayTimeout = 30 * time.Second

// declareFailure gives a declaration's error the name that a publish has for it.
func declareFailure(session *Session, err error) error {
	_, conflict := errors.AsType[*topology.ConflictError](err)
	switch code := Code(err); {
	case err == nil, conflict:
		return err
	case session.Err() != nil:
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	case session.Blocked() != "":
		return fmt.Errorf("%w (%s): %w", ErrBlocked, session.Blocked(), err)
	case code == amqp091.NotFound:
		return fmt.Errorf("%w: %w", ErrUnroutable, err)
	case code == amqp091.AccessRefused:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case code == amqp091.PreconditionFailed:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotConnected, err)
}
