package amqp

import (
	"context"
	"fmt"
	"time"
)

// reply is what an RPC returned.
type reply[T any] struct {
	value T
	err   error
}

// Ask runs an RPC that takes no context and returns its answer. If ctx ends first the
// RPC goes on, since an answer that nobody waits for would be taken for the answer of
// the next call: undo then cleans up behind it. Only if the broker does not answer at
// all the session, which others use too, is closed.
//
// The RPC returns its result and writes no variable of its caller, who may have gone
// on without it.
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

// abandon ends a call after its context: it waits for the answer, drops it, and calls
// undo. If the broker does not answer within 5 s, abandon ends the session; but not
// while the broker has blocked it, since that would double the messages in flight.
func abandon[T any](s *Session, answered <-chan reply[T], undo func(T) error) {
	undone := make(chan struct{})
	go func() {
		defer close(undone)
		if r := <-answered; r.err == nil { // a call that failed has closed its channel
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

// Call is ask for an RPC that only succeeds or fails. It must write no variable of its
// caller either.
func (s *Session) Call(ctx context.Context, rpc, undo func() error) error {
	_, err := Ask(ctx, s, func() (struct{}, error) { return struct{}{}, rpc() }, func(struct{}) error { return undo() })
	return err
}

// Closing makes an undo of ch's Close.
func Closing[T any](ch interface{ Close() error }) func(T) error {
	return func(T) error { return ch.Close() }
}
