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

// ErrInspected is returned while another inspection of the queue is under way. There is
// one at a time: two would hide messages from each other.
var ErrInspected = errors.New("broker: the queue is being inspected already; wait for that to end")

// Inspection is a look into one queue, over a connection of its own. Messages that it
// has taken are hidden from everyone else until they are acknowledged or given back,
// at the latest when the connection ends. Its methods are for one goroutine; the
// methods of Held are safe for concurrent use.
type Inspection struct {
	queue   string
	session *amqp.Session
	ch      *amqp091.Channel
	closed  <-chan *amqp091.Error
	locked  bool

	consumers int                // how many were made
	window    int                // how many messages the next of them is sent
	backlog   []amqp091.Delivery // received, and not handed over yet
	inRing    bool               // the latest message had come back to the queue before
	atEnd     bool               // the queue was empty after the latest message
	ordering  int                // how many messages to take to keep the order alone

	mu    sync.Mutex
	turns map[uint64]int64 // turnsOf the received messages that are not settled, by tag
	acked bool             // since messages were given back
}

// Open begins an inspection of the queue. It waits for up to 10 s for another one to
// end; the error is ErrInspected if that does not, ErrNoQueue if there is no such queue.
// Quorum queues do not enforce exclusive consumers, so an exclusive queue
// "warren.inspect.<queue>" is the lock: it goes with the connection, and with the
// process. The user needs to be permitted to configure such a name. If the user may also
// write to the default exchange and read that name, others are told who inspects the
// queue and since when.
func Open(ctx context.Context, cfg amqp.Config, queue string) (*Inspection, error) {
	session, err := amqp.Dial(ctx, cfg, "inspect")
	if err != nil {
		return nil, err
	}
	i := newInspection(session, queue)
	if err := i.begin(ctx); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return i, nil
}

func newInspection(session *amqp.Session, queue string) *Inspection {
	return &Inspection{queue: queue, session: session, window: firstWindow, ordering: orderAtMost, turns: make(map[uint64]int64)}
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

// call has the broker do something on the inspection's channel. It knows no other
// context: a call cut short would cost the channel, and with it the order of all that
// is held.
func (i *Inspection) call(rpc func() error) error {
	_, err := askOn(i, func() (struct{}, error) { return struct{}{}, rpc() })
	return err
}

// askOn is call for an RPC that has a result.
func askOn[T any](i *Inspection, rpc func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	return amqp.Ask(ctx, i.session, rpc, amqp.Closing[T](i.ch))
}

// State is what the broker tells of the queue; what this inspection holds is not in it.
func (i *Inspection) State() (amqp.QueueState, error) {
	return amqp.Counted(context.Background(), func() (amqp.QueueState, error) {
		return askOn(i, func() (amqp.QueueState, error) { return amqp.StateOf(i.ch, i.queue) })
	})
}

// Session is the connection of the inspection, to ask of other queues.
func (i *Inspection) Session() *amqp.Session { return i.session }

// Purge removes all that is ready, and says how much that was.
func (i *Inspection) Purge() (n int, err error) {
	n, err = askOn(i, func() (int, error) { return i.ch.QueuePurge(i.queue, false) })
	if err != nil {
		return 0, fmt.Errorf("broker: purge %s: %w", i.queue, err)
	}
	return n, nil
}

// Close gives back what is held and ends the inspection. Should the broker not answer
// in time, it takes the messages back by itself as the connection ends.
func (i *Inspection) Close() error {
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

// Fill writes the message into m, as Delivery.Fill does: the queue is the one it was
// taken from, the exchange and routing key those it reached it by.
func (h *Held) Fill(m *message.Message) {
	amqp.Fill(m, &h.raw, h.inspection.queue)
}

// Ack removes the message from the queue, for good. If the connection is lost before
// the broker has read it, the message stays.
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
