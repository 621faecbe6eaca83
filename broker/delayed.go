package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ways are the ends of the ladder that were declared in a session, by the queue's name,
// and the ladder itself, which has no name. Each is declared once, however many wait.
type ways struct {
	mu       sync.Mutex
	session  *Session
	declared map[string]*declaration
}

// declaration is one that is made, or was.
type declaration struct {
	done chan struct{}
	err  error // read after done is closed
}

// maxLadderName is what the delay's bits leave of a routing key.
const maxLadderName = 255 - 2*ladderLevels

// delayTarget returns the queue the ladder hands a delayed message to, and makes
// sure, once a session, that it gets there.
func (s *Sender) delayTarget(ctx context.Context, exchange, key string) (string, error) {
	way := delayedQueue(key) // on the default exchange a key is a queue's name
	if exchange != "" {
		way = delayedExchange(exchange)
	}
	queue := way.Queues[0].Name
	if len(queue) > maxLadderName {
		return "", fmt.Errorf("%w: delay to %q: the name of the queue has %d bytes, want at most %d", ErrMalformed, queue, len(queue), maxLadderName)
	}
	session, err := s.connector.Session(ctx)
	if err != nil {
		return "", err
	}
	if err := s.declareOnce(ctx, session, "", Ladder()); err != nil {
		return "", err
	}
	return queue, s.declareOnce(ctx, session, queue, way)
}

// declareOnce returns when t exists. The declaration goes on without a caller whose ctx
// ends, so that those who come later find it done.
func (s *Sender) declareOnce(ctx context.Context, session *Session, name string, t Topology) error {
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
		return declareFailure(session, fmt.Errorf("declare the delay ladder: no answer from the broker: %w", context.Cause(ctx)))
	}
}

// declaration returns the one of t in this session, and begins it if there is none. One
// that failed is forgotten.
func (s *Sender) declaration(session *Session, name string, t Topology) (*declaration, error) {
	w := &s.ways
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session != session {
		w.session, w.declared = session, make(map[string]*declaration)
	}
	if d := w.declared[name]; d != nil {
		return d, nil
	}
	d := &declaration{done: make(chan struct{})}
	err := s.background(func() {
		defer close(d.done)
		if d.err = s.declareWay(session, t); d.err != nil {
			w.forget(d, name)
		}
	})
	if err != nil {
		return nil, err
	}
	w.declared[name] = d
	return d, nil
}

func (w *ways) forget(d *declaration, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.declared[name] == d {
		delete(w.declared, name)
	}
}

// declareWay declares t for as long as the session lasts, and for a bounded time.
func (s *Sender) declareWay(session *Session, t Topology) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(s.connector.cfg.PublishTimeout, wayTimeout))
	defer cancel()
	return declareFailure(session, session.Declare(ctx, t))
}

// wayTimeout bounds a declaration from below: callers may have less time.
const wayTimeout = 30 * time.Second

// declareFailure gives a declaration's error the name that a publish has for it.
func declareFailure(session *Session, err error) error {
	_, conflict := errors.AsType[*ConflictError](err)
	switch code := amqpCode(err); {
	case err == nil, conflict:
		return err
	case session.Err() != nil:
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	case session.Blocked() != "":
		return fmt.Errorf("%w (%s): %w", ErrBlocked, session.Blocked(), err)
	case code == amqp.NotFound:
		return fmt.Errorf("%w: %w", ErrUnroutable, err)
	case code == amqp.AccessRefused:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case code == amqp.PreconditionFailed:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotConnected, err)
}
