package deadletter

import (
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
)

// Errors of a look into a queue. Ask for them with errors.Is.
var (
	// ErrInspected says that someone else looks into the queue. The error's text says who,
	// and since when, if the user may know.
	ErrInspected = inspect.ErrInspected
	// ErrNoQueue says that there is no such queue.
	ErrNoQueue = amqp.ErrNoQueue
)
