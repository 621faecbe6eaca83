package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// Messages are received in windows. Each window has a consumer of its own, which is sent a
// fixed number of messages and is then cancelled. This bounds the messages that wait in
// this process, although none of them is acknowledged. No message is passed on before the
// cancel: each ack would make room for one more message, and a message on its way to a
// cancelled consumer is requeued behind the rest. The windows grow, because the broker
// requeues the messages of a channel with more than 32 consumers in no order if the channel
// is lost (3.10, 4.0).
const (
	firstWindow  = 32
	growth       = 4
	maxWindow    = 1<<16 - 1 // the largest prefetch
	windowMemory = 8 << 20
	perMessage   = 2 << 10 // beside its body
)

const (
	quiet     = 50 * time.Millisecond // after it the state of the queue is read, to see whether it is empty
	unwilling = 30 * time.Second      // after it a queue that sends no message is an error
)

// Take passes up to n messages from the head of the queue to f, one after the other. It
// stops when f returns false for more, when there are no more messages, or when ctx is
// done, and then returns the cause of ctx. Messages that f does not acknowledge are held
// until GiveBack in any case.
func (i *Inspection) Take(ctx context.Context, n int, f func(*Held) (more bool, err error)) error {
	for more := true; more && n > 0 && ctx.Err() == nil; n-- {
		if len(i.backlog) == 0 {
			if err := i.receive(ctx, min(n, i.window)); err != nil {
				return fmt.Errorf("broker: inspect %s: %w", i.queue, err)
			}
		}
		if len(i.backlog) == 0 {
			break
		}
		held := &Held{inspection: i, raw: i.backlog[0]}
		i.backlog = i.backlog[1:]
		var err error
		if more, err = f(held); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// receive fills the backlog with size messages, or fewer if the queue has no more.
func (i *Inspection) receive(ctx context.Context, size int) error {
	i.atEnd = false
	w, err := i.subscribe(size)
	if err != nil {
		return err
	}
	bytes := 0
	for {
		if len(i.backlog) == size {
			if err := w.cancel(); err != nil {
				return err
			}
		}
		raw, ok, err := w.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			i.resize(bytes)
			return nil
		}
		bytes += len(raw.Body) + perMessage
		i.hold(raw)
	}
}

func (i *Inspection) hold(raw amqp091.Delivery) {
	i.backlog = append(i.backlog, raw)
	turns := turnsOf(&raw)
	i.inRing, i.atEnd = turns != 0, false
	i.mu.Lock()
	defer i.mu.Unlock()
	i.turns[raw.DeliveryTag] = turns
}

// resize makes the next window as large as messages like these allow.
func (i *Inspection) resize(bytes int) {
	if got := len(i.backlog); got > 0 {
		i.window = max(min(windowMemory/(bytes/got), i.window*growth, maxWindow), 1)
	}
}

// receiving is the consumer of one window.
type receiving struct {
	*Inspection
	tag        string
	deliveries <-chan amqp091.Delivery
	cancelled  bool
}

func (i *Inspection) subscribe(size int) (*receiving, error) {
	i.consumers++
	w := &receiving{Inspection: i, tag: fmt.Sprintf("inspect-%06d", i.consumers)} // given back in the order of tags
	deliveries, err := askOn(i, func() (<-chan amqp091.Delivery, error) {
		if err := i.ch.Qos(size, 0, false); err != nil {
			return nil, err
		}
		return i.ch.Consume(i.queue, w.tag, false, false, false, false, nil)
	})
	w.deliveries = deliveries
	return w, err
}

// cancel stops the broker from sending more messages. Messages that it has sent already
// still arrive.
func (w *receiving) cancel() error {
	if w.cancelled {
		return nil
	}
	w.cancelled = true
	return w.call(func() error { return w.ch.Cancel(w.tag, false) })
}

// next returns the next message. It returns false when the window is over. A done context
// and an empty queue end the window.
func (w *receiving) next(ctx context.Context) (raw amqp091.Delivery, ok bool, err error) {
	for began := time.Now(); ; {
		done := ctx.Done()
		if w.cancelled {
			done = nil
		}
		select {
		case raw, ok = <-w.deliveries:
			if ok {
				return raw, true, nil
			}
			return raw, false, w.lost()
		case <-done:
			err = w.cancel()
		case <-time.After(quiet):
			err = w.ask(time.Since(began))
		}
		if err != nil {
			return raw, false, err
		}
	}
}

// lost returns why there are no more deliveries, or nil if cancel was called.
func (w *receiving) lost() error {
	select {
	case e := <-w.closed:
		if e == nil {
			return amqp.ErrClosed
		}
		return fmt.Errorf("%w: %w", amqp.ErrNotConnected, e)
	default:
	}
	if !w.cancelled {
		return errors.New("cancelled by the broker: was the queue deleted?")
	}
	return nil
}

// ask ends the window if the queue is empty. An answer that does not count this consumer is
// the broker's default (see amqp.Counted). A cancel at that moment would move messages on
// their way to the back of the queue.
func (w *receiving) ask(silent time.Duration) error {
	s, err := w.State()
	switch {
	case err != nil:
		return err
	case s.Messages == 0 && s.Consumers > 0:
		w.atEnd = true
		return w.cancel()
	case silent > unwilling:
		return fmt.Errorf("it has %d messages and does not deliver them", s.Messages)
	}
	return nil
}
