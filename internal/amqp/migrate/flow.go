package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

const (
	// window is how many messages may be published and not acknowledged. They are
	// published twice if the process dies.
	window = 128
	// pause is the least time between two looks at the queue that a flow empties.
	pause = 50 * time.Millisecond
)

// flow moves the messages of a queue to an exchange, in order. It publishes on one channel
// and ends at the first message that the broker does not confirm, so that no message
// overtakes another.
type flow struct {
	m          *Migration
	from, to   string
	source     *amqp091.Channel
	sink       *amqp091.Channel
	deliveries <-chan amqp091.Delivery
	returned   <-chan amqp091.Return
	pending    []moving // published and not acknowledged, in order
	limit      *limit   // nil means none
	asked      time.Time
	gone       bool // the queue was deleted: its messages cannot be acknowledged
	marked     bool // the marker has come
}

// moving is a message that was published and is not acknowledged yet.
type moving struct {
	tag     uint64
	confirm *amqp091.DeferredConfirmation
}

// flow opens a flow. Close ends it.
func (m *Migration) flow(ctx context.Context, w way) (*flow, error) {
	f := &flow{m: m, from: w.from, to: w.to, limit: newLimit(w.rate)}
	err := f.open(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("migrate: move messages from %s to %s: %w", w.from, w.to, err), f.close())
	}
	return f, nil
}

func (f *flow) open(ctx context.Context) (err error) {
	if f.source, err = f.m.Session.Channel(ctx); err != nil {
		return err
	}
	if f.sink, err = f.m.Session.Channel(ctx); err != nil {
		return err
	}
	f.returned = f.sink.NotifyReturn(make(chan amqp091.Return, window+1))
	sink, source := f.sink, f.source
	if err = f.m.Session.Call(ctx, func() error { return sink.Confirm(false) }, sink.Close); err != nil {
		return err
	}
	f.deliveries, err = amqp.Ask(ctx, f.m.Session, func() (<-chan amqp091.Delivery, error) {
		if err := source.Qos(window, 0, false); err != nil {
			return nil, err
		}
		return source.Consume(f.from, "", false, false, false, false, nil)
	}, amqp.Closing[<-chan amqp091.Delivery](source))
	return err
}

// close ends the flow. Messages that were not acknowledged are requeued in order.
func (f *flow) close() (err error) {
	for _, ch := range []*amqp091.Channel{f.source, f.sink} {
		if ch != nil && !ch.IsClosed() {
			err = errors.Join(err, f.m.Session.CloseChannel(ch))
		}
	}
	return err
}

// run moves messages until done returns true. It calls done now and then when every message
// that it has published is acknowledged.
func (f *flow) run(ctx context.Context, done func() (bool, error)) error {
	err := f.loop(ctx, done)
	if err != nil {
		return fmt.Errorf("migrate: move messages from %s to %s: %w", f.from, f.to, err)
	}
	return nil
}

func (f *flow) loop(ctx context.Context, done func() (bool, error)) error {
	idle := time.NewTicker(pause)
	defer idle.Stop()
	for {
		if len(f.pending) == 0 && time.Since(f.asked) >= pause {
			stop, err := done()
			if stop || err != nil {
				return err
			}
			f.asked = time.Now()
		}
		in, confirmed := f.waitsFor()
		select {
		case d, ok := <-in:
			if !ok {
				return f.end(ctx)
			}
			if err := f.begin(ctx, &d); err != nil {
				return err
			}
		case <-confirmed:
			if err := f.finish(); err != nil {
				return err
			}
		case <-idle.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// waitsFor returns what the flow can do next: take a message, or acknowledge one.
func (f *flow) waitsFor() (in <-chan amqp091.Delivery, confirmed <-chan struct{}) {
	if len(f.pending) > 0 {
		confirmed = f.pending[0].confirm.Done()
	}
	if len(f.pending) < window {
		in = f.deliveries
	}
	return in, confirmed
}

// marker is the header of a message that marks a place in a queue. It is dropped where it
// comes.
const marker = "warren-migrate-marker"

// mark publishes the marker to the queue that the flow empties. It has the lowest priority.
func (f *flow) mark(ctx context.Context) error {
	m := amqp091.Publishing{Headers: amqp091.Table{marker: true}, DeliveryMode: amqp091.Persistent}
	confirm, err := f.sink.PublishWithDeferredConfirmWithContext(ctx, "", f.from, true, false, m)
	if err != nil {
		return err
	}
	if ok, err := confirm.WaitContext(ctx); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("%w: the marker", amqp.ErrNacked))
	}
	return nil
}

func (f *flow) begin(ctx context.Context, d *amqp091.Delivery) error {
	if d.Headers[marker] == true {
		f.marked = true
		if f.gone {
			return nil
		}
		return d.Ack(false)
	}
	if !f.gone { // the last messages are in the memory of this process alone
		if err := f.limit.wait(ctx); err != nil {
			return err
		}
	}
	confirm, err := f.sink.PublishWithDeferredConfirmWithContext(ctx, f.to, d.RoutingKey, true, false, copyOf(d, f.m.Session.User()))
	if err != nil {
		return err
	}
	f.pending = append(f.pending, moving{d.DeliveryTag, confirm})
	return nil
}

// finish acknowledges the messages whose copies are confirmed, up to the first one that is
// not. The broker returns a message that it cannot route before it confirms it.
func (f *flow) finish() error {
	n := 0
	for n < len(f.pending) && isDone(f.pending[n].confirm) {
		if !f.pending[n].confirm.Acked() {
			return fmt.Errorf("%w, or the channel was closed", amqp.ErrNacked)
		}
		n++
	}
	select {
	case r, ok := <-f.returned:
		if ok {
			return fmt.Errorf("%w: %s", amqp.ErrUnroutable, r.ReplyText)
		}
		return fmt.Errorf("%w: the channel was closed", amqp.ErrNotConnected)
	default:
	}
	if !f.gone {
		if err := f.source.Ack(f.pending[n-1].tag, true); err != nil {
			return err
		}
	}
	f.pending = f.pending[n:]
	f.m.moved(n)
	return nil
}

func isDone(c *amqp091.DeferredConfirmation) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// end handles the end of the consumer, which is expected once the queue was deleted.
func (f *flow) end(ctx context.Context) error {
	if !f.gone {
		return fmt.Errorf("%w: the consumer has ended", amqp.ErrNotConnected)
	}
	for len(f.pending) > 0 {
		if _, err := f.pending[0].confirm.WaitContext(ctx); err != nil {
			return err
		}
		if err := f.finish(); err != nil {
			return err
		}
	}
	return nil
}

// limit spaces messages evenly.
type limit struct {
	every time.Duration
	next  time.Time
}

// newLimit returns a limit of messages per second. It returns nil for 0, which means none.
func newLimit(rate int) *limit {
	if rate <= 0 {
		return nil
	}
	return &limit{every: time.Second / time.Duration(rate), next: time.Now()}
}

// wait waits until the next message may be published.
func (l *limit) wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	if now := time.Now(); l.next.Before(now) {
		l.next = now
	}
	at := l.next
	l.next = at.Add(l.every)
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
