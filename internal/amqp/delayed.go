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

// ways holds what was declared in a session for delayed messages, by name. Each topology is
// declared once, however many callers wait for it.
type ways struct {
	mu       sync.Mutex
	session  *Session
	declared map[string]*declaration
}

// declaration is a declaration that is in progress or complete.
type declaration struct {
	done    chan struct{}
	err     error     // read after done is closed
	made    time.Time // zero while it is in progress
	renewal time.Time // when to declare again
}

// wayInterval is the time between two declarations of a topology that is in use. It is
// declared again because a part of it may have been deleted.
const wayInterval = 30 * time.Second

// renew sets when to repeat the declaration.
func (d *declaration) renew() { d.made, d.renewal = time.Now(), time.Now().Add(wayInterval) }

// declareOnce returns when t exists. The declaration continues if the ctx of its caller
// ends, so that later callers find it complete.
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

// declaration returns the declaration of t in this session, and begins one if there is
// none. A declaration that failed is removed.
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
	if d != nil { // most likely t still exists, so callers need not wait for the next declaration
		d.renew()
		return d, nil
	}
	w.declared[name] = next
	return next, nil
}

// finish sets when to repeat a declaration, or removes one that failed.
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

// doubt removes the declarations of exchange and key that are older than doubtGap. It is
// called after a message was unroutable, because a part of the topology may have been
// deleted.
func (w *ways) doubt(exchange, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{exchange, key} {
		switch d := w.declared[name]; {
		case d == nil || d.made.IsZero() || time.Since(d.made) <= doubtGap:
		case topology.IsParking(name):
			if soon := time.Now().Add(parkingGap); d.renewal.After(soon) {
				d.renewal = soon
			}
		default:
			delete(w.declared, name)
		}
	}
}

// parkingGap is how long after a message was unroutable a parking queue is declared again.
// Its consumer does that after a second. RabbitMQ 3.10 does not tell the consumers of a deleted
// queue that it is gone if the queue is declared again at that moment.
const parkingGap = 3 * time.Second

// doubtGap is the shortest time between declarations that unroutable messages cause.
const doubtGap = time.Second

// declareWay declares t. It stops when the session ends or when its time is over.
func (s *Sender) declareWay(session *Session, t topology.Topology) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(s.connector.cfg.PublishTimeout, wayTimeout))
	defer cancel()
	return declareFailure(session, session.Ensure(ctx, t))
}

// wayTimeout is the least time that a declaration has, because its callers may have less.
const wayTimeout = 30 * time.Second

// declareFailure converts a declaration's error to the error that a publish returns.
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
