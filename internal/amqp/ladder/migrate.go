package ladder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

const (
	// window is how many messages may be published and not acknowledged. They are
	// published twice if the process dies.
	window = 128
	// pause is how long to wait for further messages of a level.
	pause = 200 * time.Millisecond
)

// Result is what a migration has done.
type Result struct {
	Moved   map[string]int // messages by the queue that they were moved to
	Removed int            // queues and exchanges that were deleted
	Ends    []string       // queues behind the ladder, which may hold messages
}

// Migration moves the messages of a ladder to parking queues.
type Migration struct {
	Session *amqp.Session
	Sender  *amqp.Sender
	// Quiet is how long a level must have been empty before it is deleted. The broker does
	// not count the messages that are on their way to the next level. If the next queue does
	// not take one, the broker tries again after 180 s.
	Quiet time.Duration
	// OnMoved is called after each message, by one goroutine.
	OnMoved func()

	places map[string]place
	busy   [levels]time.Time // when the level was last seen with messages
	ends   map[string]bool
	result Result
}

// Run moves all messages and deletes the ladder. It acknowledges a message when the broker
// has confirmed its copy, so it loses none, and can be run again after it was interrupted.
// It does not delete the queues between the ladder and an exchange or a queue: AMQP does not
// show whether they hold messages that were refused. The result is valid even if Run returns
// an error.
func (m *Migration) Run(ctx context.Context, f Found) (Result, error) {
	m.places, m.ends = make(map[string]place), make(map[string]bool)
	m.result = Result{Moved: make(map[string]int)}
	for _, end := range f.Ends {
		m.ends[end] = true
	}
	err := m.run(ctx)
	if err == nil {
		m.result.Ends, err = existing(ctx, m.Session, m.ends)
	}
	return m.result, err
}

func (m *Migration) run(ctx context.Context) error {
	for k := levels - 1; k >= 0; k-- {
		if err := m.drain(ctx, k); err != nil {
			return err
		}
	}
	for k := range levels { // messages may have left a level for the next one just now
		m.busy[k] = time.Now()
	}
	for k := levels - 1; k >= 0; k-- {
		if err := m.remove(ctx, k); err != nil {
			return err
		}
	}
	return m.deleteExchange(ctx, exit)
}

// remove deletes level k, after the levels above it. Without its exchange no message can
// enter it: a publisher gets an error.
func (m *Migration) remove(ctx context.Context, k int) error {
	if err := m.deleteExchange(ctx, Level(k)); err != nil {
		return err
	}
	for {
		if err := m.drain(ctx, k); err != nil {
			return err
		}
		wait := m.Quiet - time.Since(m.busy[k])
		if wait <= 0 {
			return m.deleteQueue(ctx, Level(k))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (m *Migration) deleteExchange(ctx context.Context, name string) error {
	exists, err := exchangeExists(ctx, m.Session, name)
	if err != nil || !exists {
		return err
	}
	m.result.Removed++
	if err := call(ctx, m.Session, func(ch *amqp091.Channel) error { return ch.ExchangeDelete(name, false, false) }); err != nil {
		return fmt.Errorf("broker: delete exchange %s: %w", name, err)
	}
	return nil
}

func (m *Migration) deleteQueue(ctx context.Context, name string) error {
	_, err := m.Session.State(ctx, name)
	if errors.Is(err, amqp.ErrNoQueue) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := m.Session.DeleteUnusedQueue(ctx, levelQueue(name))
	if err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("broker: delete queue %s: it held %d messages that arrived at that moment", name, n)
	}
	m.result.Removed++
	return nil
}

// drain moves the messages of level k until it is empty.
func (m *Migration) drain(ctx context.Context, k int) error {
	for {
		state, err := m.Session.State(ctx, Level(k))
		if errors.Is(err, amqp.ErrNoQueue) || err == nil && state.Messages == 0 {
			return nil
		}
		m.busy[k] = time.Now()
		if err == nil {
			err = m.consume(ctx, k)
		}
		if err != nil {
			return fmt.Errorf("move the messages of %s: %w", Level(k), err)
		}
	}
}

// consume moves the messages of level k until no more arrive for a moment.
func (m *Migration) consume(ctx context.Context, k int) error {
	ch, err := m.Session.Channel(ctx)
	if err != nil {
		return err
	}
	deliveries, err := amqp.Ask(ctx, m.Session, func() (<-chan amqp091.Delivery, error) {
		if err := ch.Qos(window, 0, false); err != nil {
			return nil, err
		}
		return ch.Consume(Level(k), "", false, false, false, false, nil)
	}, amqp.Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		return err
	}
	err = m.move(ctx, k, deliveries)
	return errors.Join(err, m.Session.CloseChannel(ch)) // messages that arrived since are requeued
}

// moving is a message that was published and is not acknowledged yet.
type moving struct {
	delivery amqp091.Delivery
	to       string
	wait     func(context.Context) error
}

func (m *Migration) move(ctx context.Context, k int, deliveries <-chan amqp091.Delivery) error {
	times := dueTimes{level: k}
	var pending []moving
	for {
		d, open, err := next(ctx, deliveries, len(pending) == 0)
		switch {
		case err != nil:
			return err
		case open:
			started, err := m.start(ctx, &d, &times)
			if err != nil {
				return err
			}
			pending, m.busy[k] = append(pending, started), time.Now()
			if len(pending) < window {
				continue
			}
		case len(pending) == 0:
			return nil
		}
		if err := m.finish(ctx, pending[0]); err != nil {
			return err
		}
		pending = pending[1:]
	}
}

// next returns the next delivery. If patient is true, it waits for one.
func next(ctx context.Context, deliveries <-chan amqp091.Delivery, patient bool) (d amqp091.Delivery, ok bool, err error) {
	if !patient {
		select {
		case d, ok = <-deliveries:
			return d, ok, nil
		default:
			return d, false, nil
		}
	}
	select {
	case d, ok = <-deliveries:
		if !ok {
			err = fmt.Errorf("%w: the consumer has ended", amqp.ErrNotConnected)
		}
		return d, ok, err
	case <-ctx.Done():
		return d, false, context.Cause(ctx)
	case <-time.After(pause):
		return d, false, nil
	}
}

// finish waits for the confirm of a copy and acknowledges the original.
func (m *Migration) finish(ctx context.Context, p moving) error {
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", p.to, err)
	}
	if err := p.delivery.Ack(false); err != nil {
		return err
	}
	m.result.Moved[p.to]++
	if m.OnMoved != nil {
		m.OnMoved()
	}
	return nil
}

func sorted(names map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool { return !names[name] })
}

// note remembers the queue at the end of a route.
func (m *Migration) note(r route) {
	if strings.HasPrefix(r.queue, toExchange) || strings.HasPrefix(r.queue, toQueue) {
		m.ends[r.queue] = true
	} else {
		m.ends[toQueue+r.queue] = true
	}
}
