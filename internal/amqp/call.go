package amqp

import (
	"context"
	"fmt"
	"time"
)

// reply is the result of an RPC.
type reply[T any] struct {
	value T
	err   error
}

// Ask runs an RPC that takes no context and returns its answer. If ctx ends first, the RPC
// keeps running, because the next call would otherwise take its answer for its own. undo
// then cleans up after it. Only if the broker does not answer at all, the session is
// closed, although others use it, too.
//
// The RPC returns its result and must not write variables of its caller, because the caller
// may have continued without it.
func Ask[T any](ctx context.Context, s *Session, rpc func() (T, error), undo func(T) error) (T, error) {
	answered := make(chan reply[T], 1)
	go func() {
		value, err := rpc()
		answered <- reply[T]{value, err}
	}()
	select {
	case r := <-answered:
		return r.value, r.err
	case <-ctx.Done():
		go abandon(s, answered, undo)
		var none T
		return none, fmt.Errorf("no answer from the broker: %w", context.Cause(ctx))
	}
}

// abandon ends a call whose context is done. It waits for the answer, drops it, and calls
// undo. If the broker does not answer within 5 s, abandon ends the session. It keeps a
// session that the broker has blocked, because a new session would double the messages in
// flight.
func abandon[T any](s *Session, answered <-chan reply[T], undo func(T) error) {
	undone := make(chan struct{})
	go func() {
		defer close(undone)
		if r := <-answered; r.err == nil { // a failed call has closed its channel already
			_ = undo(r.value) // an error here means that the channel is closed
		}
	}()
	timer := time.NewTicker(closeTimeout)
	defer timer.Stop()
	for {
		select {
		case <-undone:
			return
		case <-s.done:
			return
		case <-timer.C:
		}
		if s.Blocked() == "" {
			s.end(fmt.Errorf("broker: session with %s: the broker does not answer", s.address))
			s.cut()
			return
		}
	}
}

// Call runs Ask for an RPC that returns only an error. The RPC must not write variables of
// its caller.
func (s *Session) Call(ctx context.Context, rpc, undo func() error) error {
	_, err := Ask(ctx, s, func() (struct{}, error) { return struct{}{}, rpc() }, func(struct{}) error { return undo() })
	return err
}

// Closing returns an undo function that closes ch.
func Closing[T any](ch interface{ Close() error }) func(T) error {
	return func(T) error { return ch.Close() }
}
