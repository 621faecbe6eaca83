package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Consume says what to receive.
type Consume struct {
	Queue     string
	Prefetch  int             // messages on their way or in hand; at least 1
	Arguments message.Headers // of basic.consume, such as x-priority
	// Context is the parent of each Delivery's Context; context.Background() if nil.
	Context context.Context
	// Suspect is the delivery count from which a message may be what kills its
	// consumers; see Consumer.Suspected and Cleared. Zero means that none may.
	Suspect int
}

// Consumer receives from one queue over a channel of its own. It ends with its
// channel and is never repaired. Its methods are safe for concurrent use.
type Consumer struct {
	queue      string
	tag        string
	ch         *amqp091.Channel
	session    *Session
	deliveries <-chan amqp091.Delivery
	prefetch   int
	suspect    int // see Consume
	settler    *settler

	mu       sync.Mutex
	received []*amqp091.Delivery // noted by the settler, and handed to no goroutine
	phase    phase
	over     bool          // the broker has sent everything
	held     bool          // a suspect has come: it and what comes behind it is for Rest alone
	ready    chan struct{} // has one for each delivery received; closed when no more come

	suspected chan struct{} // closed when held is set
	cleared   chan struct{} // closed at the first message that is no suspect

	stopped    chan struct{} // closed when nothing more is handed out
	drained    chan struct{} // closed when all that came has been received
	drainOnce  sync.Once
	cancelOnce sync.Once
	done       chan struct{}   // closed when the broker has ended the consumer
	err        error           // why; read after done is closed
	gone       chan struct{}   // closed when the channel is gone: nothing can be settled
	life       context.Context // cancelled when the channel is gone, with ErrStale as the cause
	lose       context.CancelCauseFunc
}

// Consume starts receiving. Nothing is lost if it fails.
func (s *Session) Consume(ctx context.Context, what Consume) (*Consumer, error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		queue: what.Queue, tag: what.Queue, ch: ch, session: s, prefetch: max(what.Prefetch, 1),
		suspect: what.Suspect, suspected: make(chan struct{}), cleared: make(chan struct{}),
		stopped: make(chan struct{}), drained: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{}),
	}
	parent := what.Context
	if parent == nil {
		parent = context.Background()
	}
	c.life, c.lose = context.WithCancelCause(parent)
	ended := ch.NotifyClose(make(chan *amqp091.Error, 1))
	cancels := ch.NotifyCancel(make(chan string, 1))
	c.deliveries, err = Ask(ctx, s, func() (<-chan amqp091.Delivery, error) { return c.subscribe(what.Arguments) }, Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		c.lose(err)
		if ctx.Err() == nil {
			err = errors.Join(err, s.CloseChannel(ch))
		}
		return nil, fmt.Errorf("broker: consume from %s: %w", what.Queue, err)
	}
	c.settler, c.ready = newSettler(ch, c.prefetch), make(chan struct{}, c.prefetch)
	go c.note()
	go c.watch(ended, cancels)
	return c, nil
}

func (c *Consumer) subscribe(arguments message.Headers) (<-chan amqp091.Delivery, error) {
	if err := c.ch.Qos(c.prefetch, 0, false); err != nil {
		return nil, err
	}
	return c.ch.Consume(c.queue, c.tag, false, false, false, false, table(arguments))
}

// watch sees both ways a consumer ends: with its channel, or cancelled by the
// broker (queue deleted, node gone, consumer timeout) while the channel lives.
func (c *Consumer) watch(ended <-chan *amqp091.Error, cancels <-chan string) {
	select {
	case _, ok := <-cancels:
		if ok {
			c.err = fmt.Errorf("broker: consumer of %s cancelled by the broker", c.queue)
			c.enter(cancelled)
			close(c.done)
			for range ended { // the channel lives until it is closed
			}
			c.end()
			return
		}
		c.ended(<-ended)
	case e := <-ended:
		c.ended(e)
	}
}

func (c *Consumer) ended(e *amqp091.Error) {
	c.err = fmt.Errorf("broker: channel of %s: %w", c.queue, ErrClosed)
	if e != nil {
		c.err = fmt.Errorf("broker: channel of %s lost: %w", c.queue, e)
	}
	c.end()
	close(c.done)
}

// end marks the channel as gone: the broker has taken all deliveries back.
func (c *Consumer) end() {
	c.enter(lost)
	c.settler.lose()
	c.lose(ErrStale)
	close(c.gone)
}

// Done is closed when the broker has ended the consumer.
func (c *Consumer) Done() <-chan struct{} { return c.done }

// Err says why the consumer has ended; nil while it lives.
func (c *Consumer) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close waits until everything received is settled or abandoned, or ctx is done, and closes
// the channel. The broker takes back what is not settled then. An error that is
// ErrStale says how many accepted outcomes were lost with the channel: the broker
// delivers their messages again.
func (c *Consumer) Close(ctx context.Context) error {
	c.settler.wait(ctx)
	c.settler.stop()
	c.enter(closed)
	err := c.session.CloseChannel(c.ch)
	if n := c.settler.untold(); n > 0 {
		err = errors.Join(err, fmt.Errorf("broker: close the consumer of %s: %d accepted outcomes were not sent: %w", c.queue, n, ErrStale))
	}
	return err
}

func (c *Consumer) settle(tag uint64, as answer) error {
	if !c.settler.put(settlement{tag: tag, as: as}) {
		return ErrStale
	}
	return nil
}

// CloseChannel closes ch, for a moment at most.
func (s *Session) CloseChannel(ch *amqp091.Channel) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.Call(ctx, ch.Close, func() error { return nil })
	if errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return err
}
