package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Sender publishes messages, mandatory and confirmed, over one channel of a connection of
// its own, so that a blocked publisher cannot delay acks. Many goroutines may send at once;
// their messages share the channel's pipeline.
type Sender struct {
	connector *Connector
	timers    sync.Pool    // of *time.Timer, stopped
	replacing replacements // used by Run alone
	retiring  sync.WaitGroup
	ways      ways
	refusing  refusing
	alone     chan struct{} // held by a message that begins to use a channel of its own
	reporting reporting
	calls     calls

	unroutable unroutable

	mu      sync.Mutex
	line    *pipeline
	changed chan struct{} // closed when line is replaced
	ended   error         // why Run opens no further channel
}

// NewSender returns a sender that connects once Run is called. See NewConnector
// for role and onChange.
func NewSender(cfg Config, role string, onChange func(*Session, error)) *Sender {
	return &Sender{
		connector: NewConnector(cfg, role, onChange), changed: make(chan struct{}), alone: make(chan struct{}, 1),
		reporting: reporting{taken: make(chan struct{}, 1)}, calls: calls{opening: make(chan struct{}, 1)},
	}
}

// Connector returns the connector that keeps the sender's connection open.
func (s *Sender) Connector() *Connector { return s.connector }

// Config returns the configuration of the connection.
func (s *Sender) Config() Config { return s.connector.cfg }

// Run keeps the connection and its channel open until ctx is done. It returns an
// error as Connector.Run does.
func (s *Sender) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer s.retiring.Wait() // after the connection's end
	defer stop()
	connecting := make(chan error, 1)
	go func() {
		defer stop() // Run ends when the connector ends
		connecting <- s.connector.Run(ctx)
	}()
	for {
		session, err := s.connector.Session(ctx)
		if err != nil {
			err = <-connecting
			s.end(err)
			return err
		}
		s.serve(ctx, session)
	}
}

// serve opens a channel, offers it to publishers, and waits until it ends or is replaced.
func (s *Sender) serve(ctx context.Context, session *Session) {
	opening, cancel := context.WithTimeout(ctx, s.connector.cfg.DialTimeout)
	defer cancel()
	line, err := newPipeline(opening, session, s.connector.cfg.PublishTimeout, windowCount)
	if err != nil {
		s.connector.note(errors.Join(err, session.Close())) // try again with the next session
		<-session.Done()
		return
	}
	s.offer(line)
	if s.use(ctx, line) {
		s.retiring.Go(func() { s.retire(line) })
		return // the next line takes its place
	}
	s.offer(nil)
}

func (s *Sender) offer(line *pipeline) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = line
	close(s.changed)
	s.changed = make(chan struct{})
}

// background runs f in a goroutine that Run waits for. Once Run has ended, it returns an
// error and does not run f.
func (s *Sender) background(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.retiring.Go(f)
	}
	return s.ended
}

func (s *Sender) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended = err; err == nil {
		s.ended = ErrClosed
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Send publishes m to exchange with the routing key. It returns nil only after the broker
// confirmed the message and routed it to at least one queue. Otherwise the error is
// ErrUnroutable, ErrNacked, ErrNotConnected, ErrBlocked, ErrRefused, ErrTooLarge,
// ErrMalformed, ErrClosed or the error of ctx. Without a deadline in ctx it takes at most
// Config.PublishTimeout.
//
// The broker closes the channel when it refuses a message. Other messages on the channel
// whose confirms were lost are sent again on the next channel, within their time. They may
// arrive twice.
func (s *Sender) Send(ctx context.Context, exchange, key string, m *message.Message) error {
	return s.send(ctx, exchange, key, Publishing(m))
}

// SendUntil is Send without Config.PublishTimeout: it waits for the confirm until ctx is
// done. It sends the message again, or returns an error, only when the channel is lost, so
// that no second copy is in flight before that.
func (s *Sender) SendUntil(ctx context.Context, exchange, key string, m *message.Message) error {
	return PublishError(exchange, key, s.deliver(ctx, exchange, key, Publishing(m)))
}

// PublishError wraps err with the exchange and the routing key of the message. It returns
// nil for nil.
func PublishError(exchange, key string, err error) error {
	if err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: %w", exchange, key, err)
	}
	return nil
}

func (s *Sender) send(ctx context.Context, exchange, key string, p amqp091.Publishing) error {
	sent, ok, err := s.startNow(ctx, exchange, key, p)
	switch {
	case !ok:
		err = s.sendSlowly(ctx, exchange, key, p)
	case err == nil:
		err = s.await(ctx, sent)
	}
	if ok && err != nil {
		ctx, cancel := s.rest(ctx, sent)
		defer cancel()
		err = s.redeliver(ctx, exchange, key, p, err)
	}
	return PublishError(exchange, key, err)
}

// sendSlowly is send for a publish that has to wait before it can start.
func (s *Sender) sendSlowly(ctx context.Context, exchange, key string, p amqp091.Publishing) error {
	ctx, cancel := s.Bounded(ctx)
	defer cancel()
	return s.deliver(ctx, exchange, key, p)
}

// rest limits ctx to the time that is left of the configured timeout since the message was
// sent, unless ctx has a deadline of its own.
func (s *Sender) rest(ctx context.Context, sent *inFlight) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || s.connector.cfg.PublishTimeout < 0 || sent == nil {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, sent.sentAt.Add(s.connector.cfg.PublishTimeout))
}

// await returns the result of the publish. It waits at most for the configured timeout if
// ctx has no deadline of its own. A timer costs less than a context for every message.
func (s *Sender) await(ctx context.Context, sent *inFlight) error {
	if _, ok := ctx.Deadline(); ok || s.connector.cfg.PublishTimeout < 0 {
		return sent.wait(ctx, nil)
	}
	timer, ok := s.timers.Get().(*time.Timer)
	if !ok {
		timer = time.NewTimer(s.connector.cfg.PublishTimeout)
	}
	timer.Reset(s.connector.cfg.PublishTimeout)
	err := sent.wait(ctx, timer.C)
	timer.Stop()
	s.timers.Put(timer)
	return err
}

// Bounded adds the configured timeout to ctx if it has no deadline of its own.
func (s *Sender) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || s.connector.cfg.PublishTimeout < 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.connector.cfg.PublishTimeout)
}

// startNow starts a publish if it can do so without waiting. Otherwise ok is false.
func (s *Sender) startNow(ctx context.Context, exchange, key string, p amqp091.Publishing) (sent *inFlight, ok bool, err error) {
	s.mu.Lock()
	line := s.line
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, false, nil
	default:
	}
	if line == nil || line.ended() || s.refusing.has(exchange) {
		return nil, false, nil
	}
	return line.publishNow(exchange, key, p)
}

func (s *Sender) current(ctx context.Context) (*pipeline, error) {
	for {
		s.mu.Lock()
		line, ended, changed := s.line, s.ended, s.changed
		s.mu.Unlock()
		switch {
		case ended != nil:
			return nil, ended
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", ErrNotConnected, context.Cause(ctx))
		case line != nil && !line.ended():
			return line, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			_, why := s.connector.Current()
			return nil, fmt.Errorf("%w: %w: %w", ErrNotConnected, context.Cause(ctx), why)
		}
	}
}

// Ensure declares t over the sender's connection, or verifies or trusts that it exists, as the
// configuration says. It returns what could not be verified.
func (s *Sender) Ensure(ctx context.Context, t topology.Topology) (refused []topology.DeclarationError, err error) {
	session, err := s.connector.Session(ctx)
	if err != nil {
		return nil, err
	}
	switch s.connector.Mode() {
	case topology.Trust:
		return nil, nil
	case topology.Verify:
		return session.Verify(ctx, t)
	default:
		return nil, s.connector.Declare(ctx, session, t)
	}
}
