package inspect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// ErrInspected is returned while another inspection of the queue is in progress. Only one
// is allowed at a time, because two would hide messages from each other.
var ErrInspected = errors.New("broker: the queue is being inspected already; wait for that to end")

// Inspection inspects one queue over a connection of its own. Messages that it has taken
// are hidden from all consumers until they are acknowledged or requeued, at the latest when
// the connection ends. The methods of Inspection are for one goroutine; the methods of Held
// are safe for concurrent use.
type Inspection struct {
	ctx     context.Context // of Open
	queue   string
	session *amqp.Session
	ch      *amqp091.Channel
	closed  <-chan *amqp091.Error
	locked  bool
	unwatch func() // ends watch

	consumers int                // number of consumers made so far
	window    int                // number of messages that the next consumer is sent
	most      int                // the highest window
	backlog   []amqp091.Delivery // received, and not passed to Take's function yet
	passed    int                // messages passed to Take's function since messages were last requeued
	begins    []uint64           // the tag of each window's first message
	inRing    bool               // the latest message had been requeued before
	atEnd     bool               // the queue was empty after the latest message
	ordering  int                // number of messages to take only to keep the order
	cut       bool               // the latest messages are held and not in the backlog
	blind     bool               // the contents of messages are not needed

	mu    sync.Mutex
	turns map[uint64]int64 // turnsOf the received messages that are not settled, by tag
	acked bool             // whether a message was acknowledged since messages were last requeued
}

// Open begins an inspection of the queue. It waits for up to 10 s for another inspection to
// end. The error is ErrInspected if the other inspection does not end, and ErrNoQueue if
// the queue does not exist. Quorum queues do not enforce exclusive consumers, so an
// exclusive queue "warren.inspect.<queue>" is the lock. The broker deletes it when the
// connection or the process ends. The user needs permission to configure a queue of that
// name. If the user may also write to the default exchange and read that queue, the error
// of other inspections says who inspects the queue and since when.
//
// Once ctx is done, GiveBack takes at most 2,048 messages to keep the order, also after
// KeepOrder. If the inspection is not closed 5 s after that, its connection is closed, and
// the broker requeues the messages.
func Open(ctx context.Context, cfg amqp.Config, queue string) (*Inspection, error) {
	session, err := amqp.Dial(ctx, cfg, "inspect")
	if err != nil {
		return nil, err
	}
	i := newInspection(ctx, session, queue)
	if err := i.begin(ctx); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	i.unwatch = i.watch()
	return i, nil
}

func newInspection(ctx context.Context, session *amqp.Session, queue string) *Inspection {
	return &Inspection{
		ctx: ctx, queue: queue, session: session, window: firstWindow, most: maxWindow, ordering: orderAtMost,
		turns: make(map[uint64]int64),
	}
}

// closeTime is how long an inspection may continue after its context is done.
const closeTime = 5 * time.Second

// watch closes the connection closeTime after the end of the context, until stop is called.
func (i *Inspection) watch() (stop func()) {
	closed, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-i.ctx.Done():
		case <-closed:
			return
		}
		select {
		case <-time.After(closeTime):
			_ = i.session.Close() // Close returns its error
		case <-closed:
		}
	}()
	return sync.OnceFunc(func() { close(closed); <-ended })
}

func (i *Inspection) begin(ctx context.Context) error {
	if _, err := i.session.State(ctx, i.queue); err != nil {
		return err
	}
	if err := i.Lock(ctx); err != nil {
		return err
	}
	return i.openChannel(ctx)
}

func (i *Inspection) openChannel(ctx context.Context) error {
	ch, err := i.session.Channel(ctx)
	if err != nil {
		return err
	}
	i.ch = ch
	i.closed = ch.NotifyClose(make(chan *amqp091.Error, 1))
	return nil
}

// answerTime bounds each call of an inspection.
const answerTime = 30 * time.Second

// call runs an RPC on the inspection's channel. It takes no context, because ending a call
// early would cost the channel, and with it the order of all held messages.
func (i *Inspection) call(rpc func() error) error {
	_, err := askOn(i, func() (struct{}, error) { return struct{}{}, rpc() })
	return err
}

// askOn is call for an RPC that returns a result.
func askOn[T any](i *Inspection, rpc func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	return amqp.Ask(ctx, i.session, rpc, amqp.Closing[T](i.ch))
}

// State returns the state of the queue. The counts do not include the messages that this
// inspection holds.
func (i *Inspection) State() (amqp.QueueState, error) {
	return amqp.Counted(context.Background(), func() (amqp.QueueState, error) {
		return askOn(i, func() (amqp.QueueState, error) { return amqp.StateOf(i.ch, i.queue) })
	})
}

// Session returns the connection of the inspection, to query other queues.
func (i *Inspection) Session() *amqp.Session { return i.session }

// Purge removes all ready messages, and returns their number.
func (i *Inspection) Purge() (n int, err error) {
	n, err = askOn(i, func() (int, error) { return i.ch.QueuePurge(i.queue, false) })
	if err != nil {
		return 0, fmt.Errorf("broker: purge %s: %w", i.queue, err)
	}
	return n, nil
}

// Close requeues the held messages and ends the inspection. If the broker does not answer
// in time, it requeues them when the connection ends.
func (i *Inspection) Close() error {
	defer i.unwatch()
	var err error
	if i.session.Err() == nil && !i.ch.IsClosed() {
		if err = i.GiveBack(); err == nil && i.locked {
			err = i.Unlock()
		}
	}
	return errors.Join(err, i.session.Close())
}

// Held is a message that an inspection has taken.
type Held struct {
	inspection *Inspection
	raw        amqp091.Delivery
}

// Fill writes the message into m, as Delivery.Fill does. The queue is the one that the
// message was taken from. The exchange and the routing key are the ones by which it reached
// that queue.
func (h *Held) Fill(m *message.Message) {
	amqp.Fill(m, &h.raw, h.inspection.queue)
}

// Ack removes the message from the queue permanently. If the connection is lost before the
// broker has read the ack, the message stays.
func (h *Held) Ack() error {
	if err := h.raw.Ack(false); err != nil {
		return fmt.Errorf("broker: ack a message of %s: %w", h.inspection.queue, err)
	}
	h.inspection.mu.Lock()
	defer h.inspection.mu.Unlock()
	delete(h.inspection.turns, h.raw.DeliveryTag)
	h.inspection.acked = true
	return nil
}
