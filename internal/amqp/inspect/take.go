package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// Messages are received in windows, each by a consumer of its own that is sent so many
// and is then cancelled: what waits in this process is bounded, though none of it is
// acknowledged. No message is handed over before that, since each ack would make room
// for one more, and what is on its way to a cancelled consumer goes back to the queue,
// behind the rest. The windows grow: one channel with more than 32 consumers would be
// worked off in no order should it be lost (3.10, 4.0).
const (
	firstWindow  = 32
	growth       = 4
	maxWindow    = 1<<16 - 1 // the largest prefetch
	windowMemory = 8 << 20
	perMessage   = 2 << 10 // beside its body
)

const (
	quiet     = 50 * time.Millisecond // after it the queue is asked whether it is empty
	unwilling = 30 * time.Second      // after it a queue that sends nothing is given up on
)

// Take hands up to n messages from the head of the queue to f, one after the other,
// until f says that it wants no more, there are none, or ctx is done, whose cause it
// then returns. What f does not acknowledge is held until GiveBack, in any case.
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

// receive fills the backlog with size messages, or fewer if there are no more.
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

// receiving is one window.
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

// cancel has the broker send nothing more; what it has sent still comes.
func (w *receiving) cancel() error {
	if w.cancelled {
		return nil
	}
	w.cancelled = true
	return w.call(func() error { return w.ch.Cancel(w.tag, false) })
}

// next returns the next message; false when the window is over, which a done context
// and an empty queue bring about.
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

// lost explains why there are no more deliveries, if that was not our wish.
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

// ask ends the window if the queue is empty. An answer without this consumer is not the
// queue's own (see counted); to cancel now would send what is on its way to the back.
func (w *receiving) ask(silent time.Duration) error {
	s, err := w.State()
	switch {
	case err != nil:
		return err
	case s.Messages == 0 && s.Consumers > 0:
		w.atEnd = true
		return w.cancel()
	case silent > unwilling:
		return fmt.Errorf("it has %d messages and delivers none", s.Messages)
	}
	return nil
}
