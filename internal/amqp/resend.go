package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// lossesTogether is how often a message may be lost with a channel that the broker closed
// because of another message. It is then sent on a channel of its own.
const lossesTogether = 3

// deliver publishes a message and returns the result. It sends the message again if it was
// lost because the broker refused another message. A duplicate is possible then.
func (s *Sender) deliver(ctx context.Context, exchange, key string, p amqp091.Publishing) error {
	return s.redeliver(ctx, exchange, key, p, nil)
}

// redeliver is deliver for a message that was sent before; why is the error of that
// publish.
func (s *Sender) redeliver(ctx context.Context, exchange, key string, p amqp091.Publishing, why error) error {
	sent := false // a copy whose confirm is lost
	for losses := 0; ; losses++ {
		again, lost := errors.AsType[*againError](why)
		if why != nil && !lost {
			return perhapsQueued(sent, s.judge(exchange, key, why))
		}
		sent = sent || lost
		if ctx.Err() != nil && lost {
			return fmt.Errorf("%w: %w", why, context.Cause(ctx))
		}
		if lost && (again.suspect || losses > lossesTogether) || s.refusing.has(exchange) {
			return perhapsQueued(sent, s.judge(exchange, key, s.sendAlone(ctx, exchange, key, p)))
		}
		next, err := s.begin(ctx, exchange, key, p)
		if err == nil {
			err = next.wait(ctx, nil)
		}
		if why = err; err == nil {
			return nil
		}
	}
}

// begin sends one message. The wait method of the returned value returns the result.
func (s *Sender) begin(ctx context.Context, exchange, key string, p amqp091.Publishing) (*inFlight, error) {
	line, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	return line.publish(ctx, exchange, key, p)
}

// judge records an exchange that is missing or that the user may not write to, because each
// publish to it costs a channel. It passes unroutable messages to the functions of
// NotifyUnroutable.
func (s *Sender) judge(exchange, key string, err error) error {
	if errors.Is(err, ErrUnroutable) {
		s.ways.doubt(exchange, key)
		s.unroutable.tell(exchange, key)
	}
	if e, refused := errors.AsType[*amqp091.Error](err); refused && (e.Code == amqp091.NotFound || e.Code == amqp091.AccessRefused) {
		s.refusing.add(exchange)
	}
	return err
}

// aloneTime is how long a message that is sent alone holds up the next one. A refusal comes
// sooner. A confirm may come late or never, if a queue has lost its majority.
const aloneTime = time.Second

// sendAlone publishes on a channel of its own, one message at a time. A refusal then costs
// no other message its confirm, and must concern this message.
func (s *Sender) sendAlone(ctx context.Context, exchange, key string, p amqp091.Publishing) error {
	next := sync.OnceFunc(func() { <-s.alone })
	select {
	case s.alone <- struct{}{}:
		defer next()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotConnected, context.Cause(ctx))
	}
	session, err := s.connector.Session(ctx)
	if err != nil {
		return err
	}
	line, err := newPipeline(ctx, session, s.connector.cfg.PublishTimeout, 1)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	sent, err := line.publish(ctx, exchange, key, p)
	if err == nil {
		defer time.AfterFunc(aloneTime, next).Stop()
		err = sent.wait(ctx, nil)
	}
	if !line.ended() {
		s.refusing.remove(exchange)
		if session.Blocked() == "" { // a blocked broker would not answer
			_ = session.CloseChannel(line.ch) // the result of the message is known already
		}
	}
	return err
}

// refusing holds the exchanges that have refused a message recently.
type refusing struct {
	some  atomic.Bool // lets publishers skip the lock
	mu    sync.Mutex
	since map[string]time.Time
}

// forgotten is how long an exchange is remembered.
const forgotten = 10 * time.Second

func (r *refusing) has(exchange string) bool {
	if !r.some.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	since, ok := r.since[exchange]
	if ok && time.Since(since) > forgotten {
		r.forget(exchange)
		return false
	}
	return ok
}

func (r *refusing) add(exchange string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since == nil || len(r.since) > maxTargets {
		r.since = make(map[string]time.Time)
	}
	r.since[exchange] = time.Now()
	r.some.Store(true)
}

func (r *refusing) remove(exchange string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(exchange)
}

func (r *refusing) forget(exchange string) {
	delete(r.since, exchange)
	r.some.Store(len(r.since) > 0)
}
