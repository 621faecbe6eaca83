package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
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
	done    chan struct{}
	err     error     // read after done is closed
	made    time.Time // zero while it is made
	renewal time.Time // when it is to be made again
}

// The time between two declarations of what is in use: someone may have deleted a part of
// it. Most of what is missing of the ladder, which is large, makes a message unroutable.
const (
	wayInterval    = 30 * time.Second
	ladderInterval = 5 * time.Minute
)

// renew notes when to repeat the declaration.
func (d *declaration) renew(name string) {
	d.made, d.renewal = time.Now(), time.Now().Add(wayInterval)
	if name == "" {
		d.renewal = d.made.Add(ladderInterval)
	}
}

// maxLadderName is what the delay's bits leave of a routing key.
const maxLadderName = 255 - 2*topology.LadderLevels

// DelayTarget returns the queue the ladder hands a delayed message to, and makes
// sure, once a session, that it gets there.
func (s *Sender) DelayTarget(ctx context.Context, exchange, key string) (string, error) {
	way := topology.DelayedQueue(key) // on the default exchange a key is a queue's name
	if exchange != "" {
		way = topology.LadderExchange(exchange)
	}
	queue := way.Queues[0].Name
	if len(queue) > maxLadderName {
		return "", fmt.Errorf("%w: delay to %q: the name of the queue has %d bytes, want at most %d", ErrMalformed, queue, len(queue), maxLadderName)
	}
	session, err := s.connector.Session(ctx)
	if err != nil {
		return "", err
	}
	if err := s.declareOnce(ctx, session, "", topology.Ladder()); err != nil {
		return "", err
	}
	return queue, s.declareOnce(ctx, session, queue, way)
}

// declareOnce returns when t exists. The declaration goes on without a caller whose ctx
// ends, so that those who come later find it done.
func (s *Sender) declareOnce(ctx context.Context, session *Session, name string, t topology.Topology) error {
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
		d.renew(name)
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
		d.renew(name)
		w.declared[name] = d
	}
}

// doubt forgets what was declared a while ago, after a message to the exchange was
// unroutable: someone has deleted a part of the ladder.
func (w *ways) doubt(exchange string) {
	if !strings.HasPrefix(exchange, topology.LadderPrefix) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.declared, func(_ string, d *declaration) bool {
		return !d.made.IsZero() && time.Since(d.made) > doubtGap
	})
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
