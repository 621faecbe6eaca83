package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	closed     <-chan *amqp091.Error // why the sink was closed
	pending    []moving              // published and not acknowledged, in order
	limit      *limit                // nil means none
	asked      time.Time
	held       time.Time // until when a message was held, by another consumer or by the limit
	gone       bool      // the queue was deleted: its messages cannot be acknowledged
	unsent     int       // messages that were taken and could not be published
	marked     bool      // the marker has come
}

// moving is a message that was published and is not acknowledged yet.
type moving struct {
	tag     uint64
	id      string
	bytes   int
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
	f.closed = f.sink.NotifyClose(make(chan *amqp091.Error, 1))
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

// isEmpty reports whether the queue has no ready message. It returns an error if others consume
// the queue. The flow consumes it, so a state without a consumer is what the broker answers for a
// quorum queue without a leader, whose messages it cannot count.
func (f *flow) isEmpty(ctx context.Context) (bool, error) {
	s, err := f.m.Session.State(ctx, f.from)
	if err == nil && s.Consumers > 1 {
		err = &ConsumedError{Queue: f.from, Consumers: s.Consumers - 1}
	}
	return err == nil && s == amqp.QueueState{Consumers: 1}, err
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
	waited, err := f.limit.wait(ctx)
	if err != nil {
		return err
	}
	if waited || d.Redelivered {
		f.held = time.Now()
	}
	confirm, err := f.publish(ctx, d)
	if err != nil {
		f.unsent++
		return err
	}
	f.pending = append(f.pending, moving{d.DeliveryTag, d.MessageId, len(d.Body), confirm})
	return nil
}

func (f *flow) publish(ctx context.Context, d *amqp091.Delivery) (*amqp091.DeferredConfirmation, error) {
	p := copyOf(d, f.m.Session.User())
	if err := f.m.Session.Check(f.to, d.RoutingKey, &p); err != nil { // it would cost the connection
		return nil, fmt.Errorf("message %q of %d bytes: %w", d.MessageId, len(d.Body), err)
	}
	confirm, err := f.sink.PublishWithDeferredConfirmWithContext(ctx, f.to, d.RoutingKey, true, false, p)
	if err != nil {
		return nil, f.explain(err)
	}
	return confirm, nil
}

// explain returns why the broker has closed the channel, or err if it has not. The broker does not
// name the message that it refuses.
func (f *flow) explain(err error) error {
	var why *amqp091.Error
	if f.sink.IsClosed() {
		why = <-f.closed
	}
	switch {
	case why == nil:
		return err
	case !why.Recover || len(f.pending) == 0: // the connection was lost
		return fmt.Errorf("%w: %w", amqp.ErrNotConnected, why)
	}
	largest := slices.MaxFunc(f.pending, func(a, b moving) int { return cmp.Compare(a.bytes, b.bytes) })
	return fmt.Errorf("%w; the largest of %d messages in flight is %q with %d bytes", amqp.RefusalError(why), len(f.pending), largest.id, largest.bytes)
}

// finish acknowledges the messages whose copies are confirmed, up to the first one that is
// not. The broker returns a message that it cannot route before it confirms it.
func (f *flow) finish() error {
	n := 0
	for n < len(f.pending) && isDone(f.pending[n].confirm) {
		if !f.pending[n].confirm.Acked() {
			return f.explain(fmt.Errorf("%w: message %q", amqp.ErrNacked, f.pending[n].id))
		}
		n++
	}
	select {
	case r, ok := <-f.returned:
		if ok {
			return fmt.Errorf("%w: %s", amqp.ErrUnroutable, r.ReplyText)
		}
		return f.explain(fmt.Errorf("%w: the channel was closed", amqp.ErrNotConnected))
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

// unmoved returns how many messages of the deleted queue have no confirmed copy, at most, after run
// has failed.
func (f *flow) unmoved() int {
	n, timeout := len(f.pending)+f.unsent, time.After(unmovedTime)
	for {
		select {
		case d, ok := <-f.deliveries:
			if !ok {
				return n
			}
			if d.Headers[marker] != true {
				n++
			}
		case <-timeout:
			return n
		}
	}
}

// unmovedTime bounds the wait for the end of the consumer of a deleted queue.
const unmovedTime = time.Second

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

// wait waits until the next message may be published, and reports whether it had to.
func (l *limit) wait(ctx context.Context) (waited bool, err error) {
	if l == nil {
		return false, nil
	}
	now := time.Now()
	at := l.next
	if at.Before(now) {
		at = now
	}
	l.next = at.Add(l.every)
	return at.After(now), sleep(ctx, at.Sub(now))
}
