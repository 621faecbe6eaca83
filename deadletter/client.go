package deadletter

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
)

var (
	// ErrNotFound is returned if the queue has no dead letter with the given id.
	ErrNotFound = errors.New("deadletter: no dead letter has this id")
	// ErrCanary is returned by a replay that stopped after its canaries, because one of
	// them failed again or was not consumed.
	ErrCanary = errors.New("deadletter: replay stopped: a canary message failed again or was not consumed")
)

// Client reads and changes dead-letter queues. Each method opens its own connections and
// closes them before it returns. The methods are safe for concurrent use. A method that
// reads a queue locks it: a second one on the same queue waits for up to 10 s and then
// returns ErrInspected. If the queue does not exist, methods return ErrNoQueue.
type Client struct{ cfg broker.Config }

// New returns a client for the broker. Its methods connect; New does not.
func New(cfg broker.Config) *Client { return &Client{cfg: cfg} }

// inspect calls f with an inspection of the queue, and requeues what f has not removed.
func (c *Client) inspect(ctx context.Context, queue string, f func(*inspect.Inspection) error) error {
	i, err := inspect.Open(ctx, amqp.Config(c.cfg), queue)
	if err != nil {
		return err
	}
	return errors.Join(f(i), i.Close())
}

// send calls f with a sender, whose connection stays open until f has returned.
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
	return err // if the connection failed, this contains the reason
}

// Errors of reading a queue. Test for them with errors.Is.
var (
	// ErrInspected is returned if another client is reading the queue. If the user has
	// the permissions to see it, the text names that client and the time when it began.
	ErrInspected = inspect.ErrInspected
	// ErrNoQueue is returned if the queue does not exist.
	ErrNoQueue = amqp.ErrNoQueue
)
