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
	given    atomic.Bool // set when the caller no longer waits for the confirm
	direct   bool        // a direct reply; see IsReplyAddress

	// Properties that the broker may name in a refusal.
	size               int
	userID, expiration string
}

// againError says that a message was lost with its channel for a reason other than the
// message, so that it may be sent again on the next channel.
type againError struct {
	suspect bool // it may be the refused message: the broker did not say which one it is
	cause   error
}

func (e *againError) Error() string { return e.cause.Error() }
func (e *againError) Unwrap() error { return e.cause }

// queuedError is the error of a message that a queue may have nevertheless, because the confirm of
// an earlier publish was lost.
type queuedError struct{ error }

func (e queuedError) Unwrap() error { return e.error }

// perhapsQueued marks err for MayBeQueued.
func perhapsQueued(perhaps bool, err error) error {
	if !perhaps || err == nil {
		return err
	}
	return queuedError{err}
}

// MayBeQueued reports whether a queue may have the message although err, the error of its
// publish, says that the broker has refused or returned it: it may have accepted another copy, or
// the message before it.
func MayBeQueued(err error) bool {
	_, perhaps := errors.AsType[queuedError](err)
	return perhaps
}

// wait returns the result of the publish. If ctx ends or late fires first, the message may
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

// outcome is called after the confirm. The broker returns a message before it confirms it.
// If f was returned, the return has therefore been received by now.
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

// closeCause returns the error of f after its channel was closed. It distinguishes the
// message that the broker refused from the other messages on the channel.
func (f *inFlight) closeCause() error {
	p := f.line
	p.mu.Lock()
	closed, refused := p.closed, p.refused
	p.mu.Unlock()
	switch {
	case refused.why != nil && refused.of(f):
		return perhapsQueued(refused.mayBeQueued(f), refused.errorOf())
	case refused.why != nil:
		return &againError{suspect: !refused.known, cause: closed}
	case p.replaced.Load():
		return &againError{cause: closed}
	}
	return closed
}

// publishError distinguishes a lost channel from a message that cannot be written.
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

// release removes f from the unconfirmed messages.
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
