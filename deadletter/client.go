package deadletter

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
)

var (
	// ErrNotFound says that there is no letter of that id.
	ErrNotFound = errors.New("deadletter: no such letter")
	// ErrCanary says that a replay stopped after its first letters, because one of them
	// failed again or was not consumed.
	ErrCanary = errors.New("deadletter: replay stopped: a canary message failed again or was not consumed")
)

// Client works on dead-letter queues. Each of its methods opens connections of its own
// and closes them at its end. They are safe for concurrent use. Of two on one queue the
// second waits for up to 10 s and then gets ErrInspected. A queue that is not
// there gives ErrNoQueue.
type Client struct{ cfg broker.Config }

// New returns a client for the broker. It connects when it is used.
func New(cfg broker.Config) *Client { return &Client{cfg: cfg} }

// inspect has f look into the queue, and gives back what f has not removed.
func (c *Client) inspect(ctx context.Context, queue string, f func(*inspect.Inspection) error) error {
	i, err := inspect.Open(ctx, amqp.Config(c.cfg), queue)
	if err != nil {
		return err
	}
	return errors.Join(f(i), i.Close())
}

// send has f publish, over a connection that stays until f has returned.
func (c *Client) send(ctx context.Context, f func(*amqp.Sender) error) error {
	s := amqp.NewSender(amqp.Config(c.cfg), "replay", nil)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	err := f(s)
	stop()
	if runErr := <-ended; err == nil {
		return runErr
	}
	return err // says also why there was no connection
}

// Errors of a look into a queue. Ask for them with errors.Is.
var (
	// ErrInspected says that someone else looks into the queue. The error's text says who,
	// and since when, if the user may know.
	ErrInspected = inspect.ErrInspected
	// ErrNoQueue says that there is no such queue.
	ErrNoQueue = amqp.ErrNoQueue
)
