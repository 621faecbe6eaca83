package job

import (
	"errors"
	"io"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
)

// ErrClosed is returned for a message that arrives after Close.
var ErrClosed = errors.New("job: closed")

// Handler is a handler that was created from configuration. It is safe for concurrent use.
type Handler interface {
	handler.Handler
	// Close ends the processes and connections that are kept between messages, and waits
	// for them. Call it after the worker has stopped, because Close also waits for the
	// messages that are being handled.
	io.Closer
}

// stateless is a Handler without processes or connections to close.
type stateless struct{ handler.Func }

func (stateless) Close() error { return nil }

// Verdict decides what the worker does with a message.
type Verdict string

// Verdicts. The worker's verdicts have the same names.
const (
	Ack        Verdict = "ack"         // acknowledge the message
	Retry      Verdict = "retry"       // try again, according to the queue's retry policy
	DeadLetter Verdict = "dead-letter" // dead-letter the message without a retry
	Discard    Verdict = "discard"     // drop the message without a retry or a dead letter
)

func (v Verdict) known() bool {
	switch v {
	case Ack, Retry, DeadLetter, Discard:
		return true
	}
	return false
}

// of returns err as a handler must return it for v.
func (v Verdict) of(err error) error {
	switch v {
	case Ack:
		return nil
	case DeadLetter:
		return retry.Permanent(err)
	case Discard:
		return retry.Discard(err)
	case Retry:
	}
	return err
}
