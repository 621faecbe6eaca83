package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/semaphore"
)

// The window bounds what is unconfirmed on one channel, so that a slow or blocked
// broker cannot fill our memory: 32 MiB, and 4,096 messages.
const (
	windowBytes   = 32 << 20
	windowCount   = 4096
	messageAtWork = windowBytes / windowCount
)

// pipeline is one channel in confirm mode, shared by many publishers.
type pipeline struct {
	session *Session
	ch      *amqp.Channel
	window  *semaphore.Weighted
	done    chan struct{}

	sendMu sync.Mutex     // keeps order on the wire and order in sent the same
	sent   chan *inFlight // unconfirmed, oldest first

	mu       sync.Mutex
	returns  chan amqp.Return
	inFlight map[identity]*inFlight
	closed   error // why the channel ended
}

// identity is what a returned message can be recognised by.
type identity struct{ exchange, key, id string }

func newPipeline(ctx context.Context, session *Session, patience time.Duration) (*pipeline, error) {
	ch, err := session.channel(ctx)
	if err != nil {
		return nil, err
	}
	if err := session.call(ctx, func() error { return ch.Confirm(false) }, ch.Close); err != nil {
		return nil, fmt.Errorf("broker: confirm mode: %w", err)
	}
	p := &pipeline{
		session: session, ch: ch, window: semaphore.NewWeighted(windowBytes), done: make(chan struct{}),
		sent: make(chan *inFlight, windowCount),
		// One place for each message of the window: amqp091 stalls on a full channel.
		returns:  ch.NotifyReturn(make(chan amqp.Return, windowCount)),
		inFlight: make(map[identity]*inFlight),
	}
	go p.watch(ch.NotifyClose(make(chan *amqp.Error, 1)))
	go (&books{line: p, patience: patience}).keep()
	return p, nil
}

func (p *pipeline) watch(closed <-chan *amqp.Error) {
	err := ErrNotConnected
	if e, ok := <-closed; ok {
		err = fmt.Errorf("%w: %w", ErrNotConnected, e)
	}
	p.mu.Lock()
	p.closed = err
	p.mu.Unlock()
	close(p.done)
}

// ended says whether the channel is lost.
func (p *pipeline) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// inFlight is one message between its publish and its confirm.
type inFlight struct {
	line     *pipeline
	id       identity
	weight   int64
	sentAt   time.Time
	confirm  *amqp.DeferredConfirmation
	returned *amqp.Return
	settled  chan struct{} // made when another message waits for this one
}

// publish puts a message on the wire, once there is room for it.
func (p *pipeline) publish(ctx context.Context, exchange, key string, msg amqp.Publishing) (*inFlight, error) {
	f, err := p.admit(exchange, key, &msg)
	if err != nil {
		return nil, err
	}
	if err := p.window.Acquire(ctx, f.weight); err != nil {
		return nil, fmt.Errorf("too much is unconfirmed: %w", p.explain(context.Cause(ctx)))
	}
	if err := p.register(ctx, f); err != nil {
		p.window.Release(f.weight)
		return nil, err
	}
	return f, p.write(f, msg)
}

// publishNow is publish for when there is room; ok is false if there is none.
func (p *pipeline) publishNow(exchange, key string, msg amqp.Publishing) (f *inFlight, ok bool, err error) {
	if f, err = p.admit(exchange, key, &msg); err != nil {
		return nil, true, err
	}
	if !p.window.TryAcquire(f.weight) {
		return nil, false, nil
	}
	if p.claim(f) != nil {
		p.window.Release(f.weight)
		return nil, false, nil
	}
	return f, true, p.write(f, msg)
}

func (p *pipeline) admit(exchange, key string, msg *amqp.Publishing) (*inFlight, error) {
	if err := errors.Join(checkStrings(exchange, key, msg), checkSize(msg, p.session.conn.Config.FrameSize)); err != nil {
		return nil, err
	}
	return &inFlight{
		line: p, id: identity{exchange, key, msg.MessageId},
		weight: int64(min(len(msg.Body)+messageAtWork, windowBytes)),
	}, nil
}

func (p *pipeline) write(f *inFlight, msg amqp.Publishing) (err error) {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	f.sentAt = time.Now()
	f.confirm, err = p.ch.PublishWithDeferredConfirm(f.id.exchange, f.id.key, true, false, msg)
	if err != nil {
		f.release()
		return f.publishError(err)
	}
	p.sent <- f // has room: the window is no wider
	return nil
}

// publishError tells a lost channel from a message that cannot be written.
func (f *inFlight) publishError(err error) error {
	if _, lost := errors.AsType[lostError](err); lost { // before the reader has seen it
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	if errors.Is(err, amqp.ErrClosed) || f.line.ch.IsClosed() {
		<-f.line.done
		return f.closeCause()
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// register waits while a message with the same identity is in flight: a returned
// message says no more of itself than that.
func (p *pipeline) register(ctx context.Context, f *inFlight) error {
	for {
		settled := p.claim(f)
		if settled == nil {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return p.explain(context.Cause(ctx))
		}
	}
}

// claim takes f's identity, or returns what to wait for until it is free.
func (p *pipeline) claim(f *inFlight) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	other := p.inFlight[f.id]
	if other == nil {
		p.inFlight[f.id] = f
		return nil
	}
	if other.settled == nil {
		other.settled = make(chan struct{})
	}
	return other.settled
}

// wait returns the message's fate. If ctx ends or late fires first the message may
// still arrive.
func (f *inFlight) wait(ctx context.Context, late <-chan time.Time) error {
	select {
	case <-f.confirm.Done():
		return f.outcome()
	case <-ctx.Done():
		return f.line.explain(context.Cause(ctx))
	case <-late:
		return f.line.explain(context.DeadlineExceeded)
	}
}

// outcome is called after the confirm. The broker returns a message before it
// confirms it, so that a return of f, if there is one, has been received by now.
func (f *inFlight) outcome() error {
	p := f.line
	p.mu.Lock()
	p.takeReturns()
	returned := f.returned
	p.mu.Unlock()
	switch {
	case returned != nil:
		return fmt.Errorf("%w: %s", ErrUnroutable, returned.ReplyText)
	case f.confirm.Acked():
		return nil
	case p.ch.IsClosed():
		<-p.done
		return f.closeCause()
	}
	return ErrNacked
}

// release takes f off the books.
func (f *inFlight) release() {
	p := f.line
	p.mu.Lock()
	p.takeReturns()
	if p.inFlight[f.id] == f {
		delete(p.inFlight, f.id)
	}
	if f.settled != nil {
		close(f.settled)
	}
	p.mu.Unlock()
	p.window.Release(f.weight)
}

func (p *pipeline) takeReturns() {
	for {
		select {
		case r, ok := <-p.returns:
			if !ok {
				p.returns = nil
				return
			}
			if f := p.inFlight[identity{r.Exchange, r.RoutingKey, r.MessageId}]; f != nil {
				f.returned = &r
			}
		default:
			return
		}
	}
}

// closeCause tells a message whose exchange is missing, which costs the channel, from
// those that were on the channel with it.
func (f *inFlight) closeCause() error {
	f.line.mu.Lock()
	defer f.line.mu.Unlock()
	e, ok := errors.AsType[*amqp.Error](f.line.closed)
	if ok && e.Code == amqp.NotFound && strings.Contains(e.Reason, "'"+f.id.exchange+"'") {
		return fmt.Errorf("%w: %w", ErrUnroutable, e)
	}
	return f.line.closed
}

// explain is the error for time that ran out while the broker kept us waiting.
func (p *pipeline) explain(cause error) error {
	if reason := p.session.Blocked(); reason != "" {
		return fmt.Errorf("%w (%s): %w", ErrBlocked, reason, cause)
	}
	return fmt.Errorf("no confirm from the broker in time: %w", cause)
}
