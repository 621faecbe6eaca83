package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Consume configures a Consumer.
type Consume struct {
	Queue     string
	As        string          // the queue's name in messages; empty means Queue
	Prefetch  int             // the most deliveries without an outcome at a time; at least 1
	Arguments message.Headers // of basic.consume, such as x-priority
	// Stream says that the queue is a stream. RabbitMQ closes the connection of a client that
	// requeues or rejects a message of a stream.
	Stream bool
	// Context is the parent of each Delivery's Context. Nil means context.Background().
	Context context.Context
	// Suspect is the delivery count from which a message is suspected of ending the
	// processes that consume it. See Consumer.Suspected and Cleared. Zero means that no
	// message is suspected.
	Suspect int
	// OnReceived is called with the headers of each delivery as it arrives, in order, before
	// Receive returns the delivery. It must not block. Nil means none.
	OnReceived func(message.Headers)
}

// Consumer receives from one queue over a channel of its own. It ends with its channel and
// must then be replaced by a new one. Its methods are safe for concurrent use.
type Consumer struct {
	queue      string
	source     string // the queue's name in messages
	tag        string
	ch         *amqp091.Channel
	close      func() error // closes ch once
	session    *Session
	deliveries <-chan amqp091.Delivery
	prefetch   int
	suspect    int // see Consume
	stream     bool
	onReceived func(message.Headers)
	settler    *settler

	mu       sync.Mutex
	received fifo[amqp091.Delivery] // known to the settler, and not returned by Receive yet
	phase    phase
	over     bool          // the broker has sent everything
	held     bool          // a suspected message has arrived: Receive returns it and the deliveries behind it after Alone
	given    int           // deliveries that Receive may return
	left     []Delivery    // left to the broker by Abandon, or arrived after it
	ready    chan struct{} // holds a value for each of them; closed when there are no more
	noted    chan struct{} // closed when no more deliveries arrive

	suspected chan struct{} // closed when held is set
	cleared   chan struct{} // closed at the first message that is not suspected
	alone     atomic.Bool   // see Alone

	began      time.Time     // when it was opened
	stopped    chan struct{} // closed when Receive returns no more deliveries
	drained    chan struct{} // closed when every delivery has been received
	drainOnce  sync.Once
	cancelOnce sync.Once
	done       chan struct{}   // closed when the broker has ended the consumer
	err        error           // why the consumer has ended; read after done is closed
	gone       chan struct{}   // closed when the channel is gone and its deliveries can no longer be settled
	life       context.Context // cancelled when the channel is gone, with ErrStale as the cause
	lose       context.CancelCauseFunc
}

// unbounded is the capacity of Consumer.ready, which takes no memory. RabbitMQ 3.10 delivers
// more than the prefetch, whole chunks of a stream for example.
const unbounded = math.MaxInt32

// Consume starts receiving. If it fails, no message is lost.
func (s *Session) Consume(ctx context.Context, what Consume) (*Consumer, error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		queue: what.Queue, source: cmp.Or(what.As, what.Queue), tag: what.Queue, ch: ch, close: once(ch.Close), session: s, prefetch: max(what.Prefetch, 1),
		suspect: what.Suspect, stream: what.Stream, onReceived: what.OnReceived, suspected: make(chan struct{}), cleared: make(chan struct{}),
		stopped: make(chan struct{}), drained: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{}), began: time.Now(),
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
	c.settler, c.ready, c.noted = newSettler(ch, c.prefetch), make(chan struct{}, unbounded), make(chan struct{})
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

// watch waits for the end of the consumer. A consumer ends with its channel, or the broker
// cancels it (queue deleted, node gone, consumer timeout) while the channel stays open.
func (c *Consumer) watch(ended <-chan *amqp091.Error, cancels <-chan string) {
	select {
	case _, ok := <-cancels:
		if ok {
			c.err = fmt.Errorf("broker: consumer of %s cancelled by the broker", c.queue)
			c.enter(cancelled)
			close(c.done)
			for range ended { // wait until the channel is closed
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
	close(c.gone) // first: a handler whose context ends asks whether its delivery is lost
	c.lose(ErrStale)
}

// Done returns a channel that is closed when the broker has ended the consumer.
func (c *Consumer) Done() <-chan struct{} { return c.done }

// Err returns why the consumer has ended, or nil while it is open.
func (c *Consumer) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close waits until every received delivery is settled or abandoned, and up to a second until
// the broker has handled many outcomes, or until ctx is done, and closes the channel. The
// broker then requeues the deliveries that are not settled. If
// the error is ErrStale, it gives the number of accepted outcomes that were lost with the
// channel. The broker delivers their messages again.
func (c *Consumer) Close(ctx context.Context) error {
	c.settler.wait(ctx)
	c.settler.stop()
	c.awaitHandled(ctx)
	c.enter(closed)
	err := c.session.closeBy(c.close)
	if n := c.settler.untold(); n > 0 {
		err = errors.Join(err, fmt.Errorf("broker: close the consumer of %s: %d accepted outcomes were not sent: %w", c.queue, n, ErrStale))
	}
	return err
}

func (c *Consumer) settle(tag uint64, as answer) error {
	switch {
	case c.stream && as == requeue: // the next consumer begins before it
		c.settler.leave(1)
		return nil
	case c.stream && as == reject: // the stream keeps it
		as = ack
	}
	if !c.settler.put(settlement{tag: tag, as: as}) {
		return ErrStale
	}
	if c.alone.Load() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hand()
	}
	return nil
}

// once returns a function that runs f in its first call. Other calls wait for the result.
// Channel.Close of amqp091 keeps a lock until the broker answers, which would hold up a second
// close, after the first was abandoned, without a bound.
func once(f func() error) func() error {
	var begun atomic.Bool
	var err error
	done := make(chan struct{})
	return func() error {
		if begun.CompareAndSwap(false, true) {
			err = f()
			close(done)
		}
		<-done
		return err
	}
}

// CloseChannel closes ch. It waits at most 5 s for the broker's answer.
func (s *Session) CloseChannel(ch *amqp091.Channel) error { return s.closeBy(ch.Close) }

func (s *Session) closeBy(closing func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.Call(ctx, closing, func() error { return nil })
	if errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return err
}
