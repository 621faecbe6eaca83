package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// inFlight is one message between its publish and its confirm.
type inFlight struct {
	line     *pipeline
	id       identity
	weight   int64
	sentAt   time.Time
	confirm  *amqp091.DeferredConfirmation
	returned *amqp091.Return
	given    atomic.Bool // given up: nobody waits for it any more

	// What a refusal may name.
	size               int
	userID, expiration string
}

// againError says that a message was lost with its channel through no fault of its own,
// so that it may be sent again on the next one.
type againError struct {
	suspect bool // it may be the message that was refused: the broker did not say which
	cause   error
}

func (e *againError) Error() string { return e.cause.Error() }
func (e *againError) Unwrap() error { return e.cause }

// wait returns the message's fate. If ctx ends or late fires first the message may
// still arrive.
func (f *inFlight) wait(ctx context.Context, late <-chan time.Time) error {
	select {
	case <-f.confirm.Done():
		return f.outcome()
	case <-ctx.Done():
		f.given.Store(true)
		return f.line.explain(context.Cause(ctx))
	case <-late:
		f.given.Store(true)
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

// closeCause tells a message that was refused, which costs the channel, from those that
// were on the channel with it.
func (f *inFlight) closeCause() error {
	p := f.line
	p.mu.Lock()
	closed, refused := p.closed, p.refused
	p.mu.Unlock()
	switch {
	case refused.why != nil && refused.of(f):
		return refused.errorOf()
	case refused.why != nil:
		return &againError{suspect: !refused.known, cause: closed}
	case p.replaced.Load():
		return &againError{cause: closed}
	}
	return closed
}

// publishError tells a lost channel from a message that cannot be written.
func (f *inFlight) publishError(err error) error {
	if _, lost := errors.AsType[lostError](err); lost { // before the reader has seen it
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	if errors.Is(err, amqp091.ErrClosed) || f.line.ch.IsClosed() {
		<-f.line.done
		return f.closeCause()
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// release takes f off the books.
func (f *inFlight) release() {
	p := f.line
	p.mu.Lock()
	p.takeReturns()
	if p.inFlight[f.id] == f {
		delete(p.inFlight, f.id)
	}
	p.mu.Unlock()
	p.window.Release(f.weight)
}
