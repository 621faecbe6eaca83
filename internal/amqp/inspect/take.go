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
//
// The messages of a window may be much larger than the messages before it. If a window
// exceeds cutMemory, it is cut: its further messages are held without their contents. They
// can be read once all held messages have been requeued, see Cut. The consumer is not
// cancelled earlier, because messages are on their way.
const (
	firstWindow  = 32
	growth       = 4
	maxWindow    = 1<<16 - 1 // the largest prefetch
	windowMemory = 8 << 20
	cutMemory    = 4 * windowMemory
	perMessage   = 2 << 10 // at least, beside its body
)

const (
	quiet     = 50 * time.Millisecond // after it the state of the queue is read, to see whether it is empty
	unwilling = 30 * time.Second      // after it a queue that sends no message is an error
)

// Take passes up to n messages from the head of the queue to f, one after the other. It
// stops when f returns false for more, when there are no more messages, when the messages
// are too large to keep (see Cut), or when ctx is done, and then returns the cause of ctx.
// Messages that f does not acknowledge are held until GiveBack in any case.
func (i *Inspection) Take(ctx context.Context, n int, f func(*Held) (more bool, err error)) error {
	for more := true; more && n > 0 && ctx.Err() == nil; n-- {
		if len(i.backlog) == 0 && !i.cut {
			if err := i.receive(ctx, min(n, i.window)); err != nil {
				return fmt.Errorf("broker: inspect %s: %w", i.queue, err)
			}
		}
		if len(i.backlog) == 0 {
			break
		}
		held := &Held{inspection: i, raw: i.backlog[0]}
		i.backlog = i.backlog[1:]
		i.passed++
		var err error
		if more, err = f(held); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// Cut reports whether the latest Take stopped because the next messages are held without
// their contents. They are the first that Take has not passed on. After GiveBack, Take begins
// at the head of the queue again and gets further.
func (i *Inspection) Cut() bool { return i.cut && len(i.backlog) == 0 }

// Read is Take for an f that acknowledges no message. It stops at no cut: it then requeues
// all messages, and takes the messages that it has passed on since the last GiveBack again, without
// passing them on.
func (i *Inspection) Read(ctx context.Context, n int, f func(*Held) (more bool, err error)) error {
	for {
		more := true
		err := i.Take(ctx, n, func(h *Held) (bool, error) {
			n--
			var err error
			more, err = f(h)
			return more, err
		})
		if err != nil || !more || !i.Cut() {
			return err
		}
		window, passed := i.window, i.passed
		if err := i.GiveBack(); err != nil {
			return err
		}
		if err := i.pass(ctx, passed); err != nil {
			return err
		}
		i.window = window
	}
}

// pass takes n messages without keeping their contents.
func (i *Inspection) pass(ctx context.Context, n int) error {
	i.blind = true
	defer func() { i.blind = false }()
	return i.Take(ctx, n, func(*Held) (bool, error) { return true, nil })
}

// receive fills the backlog with size messages, or fewer if the queue has no more.
func (i *Inspection) receive(ctx context.Context, size int) error {
	i.atEnd = false
	w, err := i.subscribe(size)
	if err != nil {
		return err
	}
	var got, bytes, largest int
	for {
		if got == size {
			w.cancel()
		}
		raw, ok, err := w.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			i.resize(largest)
			return nil
		}
		n := len(raw.Body) + max(amqp.TableSize(raw.Headers), perMessage)
		if got == 0 {
			i.begins = append(i.begins, raw.DeliveryTag)
		}
		got, bytes, largest = got+1, bytes+n, max(largest, n)
		i.cut = i.cut || bytes > cutMemory && len(i.backlog) > 0 && !i.blind
		i.hold(raw)
	}
}

func (i *Inspection) hold(raw amqp091.Delivery) {
	turns := turnsOf(&raw)
	if i.blind {
		raw.Body, raw.Headers = nil, nil
	}
	if !i.cut {
		i.backlog = append(i.backlog, raw)
	}
	i.inRing, i.atEnd = turns != 0, false
	i.mu.Lock()
	defer i.mu.Unlock()
	i.turns[raw.DeliveryTag] = turns
}

// resize makes the next window as large as messages like the largest allow. Each cut lowers
// the limit of all further windows, so that a queue cannot cause many.
func (i *Inspection) resize(largest int) {
	if i.cut {
		i.most = max(i.window/growth, 1)
	}
	if largest > 0 {
		i.window = max(min(windowMemory/largest, i.window*growth, i.most), 1)
	}
}

// receiving is the consumer of one window. Its calls run beside next, because amqp091 keeps
// all messages that arrive and are not read.
type receiving struct {
	*Inspection
	tag        string
	deliveries <-chan amqp091.Delivery
	cancelled  bool
	answer     <-chan error    // receives the result of the cancel; nil unless one is expected
	counted    <-chan counting // receives the state of the queue; nil unless one is expected
}

type counting struct {
	amqp.QueueState
	err error
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
// still arrive, before its answer. Call next until the window is over.
func (w *receiving) cancel() {
	if w.cancelled {
		return
	}
	answer, before := make(chan error, 1), w.counted
	w.cancelled, w.answer, w.counted = true, answer, nil
	go func() {
		if before != nil {
			<-before // one call at a time
		}
		answer <- w.call(func() error { return w.ch.Cancel(w.tag, false) })
	}()
}

// next returns the next message. It returns false when the window is over. A done context
// and an empty queue end the window.
func (w *receiving) next(ctx context.Context) (raw amqp091.Delivery, ok bool, err error) {
	for began := time.Now(); ; {
		done, silent := ctx.Done(), time.After(quiet)
		if w.cancelled {
			done = nil
		}
		if w.cancelled || w.counted != nil {
			silent = nil
		}
		select {
		case raw, ok = <-w.deliveries:
			if ok {
				return raw, true, nil
			}
			return raw, false, w.lost()
		case err = <-w.answer:
			w.answer = nil
		case <-done:
			w.cancel()
		case <-silent:
			w.count()
		case c := <-w.counted:
			w.counted = nil
			err = w.check(c, time.Since(began))
		}
		if err != nil {
			return raw, false, err
		}
	}
}

// lost returns why there are no more deliveries, or nil if cancel was called.
func (w *receiving) lost() error {
	var err error
	if w.answer != nil {
		err = <-w.answer
	}
	if w.counted != nil {
		<-w.counted
	}
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
	return err
}

// count asks for the state of the queue.
func (w *receiving) count() {
	counted := make(chan counting, 1)
	w.counted = counted
	go func() {
		s, err := w.State()
		counted <- counting{s, err}
	}()
}

// check ends the window if the queue is empty. An answer that does not count this consumer is
// the broker's default (see amqp.Counted). A cancel at that moment would move messages on
// their way to the back of the queue.
func (w *receiving) check(s counting, silent time.Duration) error {
	switch {
	case s.err != nil:
		return s.err
	case s.Messages == 0 && s.Consumers > 0:
		w.atEnd = true
		w.cancel()
	case silent > unwilling:
		return fmt.Errorf("it has %d messages and does not deliver them", s.Messages)
	}
	return nil
}
