package job

import (
	"errors"
	"io"

	"github.com/warren-mq/warren/handler"
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
