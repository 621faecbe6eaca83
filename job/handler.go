package job

import (
	"errors"
	"io"

	"github.com/warren-mq/warren/handler"
)

// ErrClosed is the error of a message that comes after Close.
var ErrClosed = errors.New("job: closed")

// Handler is a handler made from configuration. It is safe for concurrent use.
type Handler interface {
	handler.Handler
	// Close ends the processes and connections kept from one message to the next, and
	// waits for them; where there are none it does nothing. Call it once the worker has
	// ended: it waits for messages in hand.
	io.Closer
}

// stateless is a Handler that keeps nothing.
type stateless struct{ handler.Func }

func (stateless) Close() error { return nil }
