package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// settle is how long a queue must have been empty, at least. A message that was routed before
// the routes changed may still be on its way to it, and a message that it has delivered may be
// on its way here.
const settle = 300 * time.Millisecond

// finish moves all messages into the queue as wanted, opens the gate, and removes the parts.
func (m *Migration) finish(ctx context.Context, at State) error {
	parts := topology.Topology{Exchanges: m.parts().Exchanges, Bindings: []topology.Binding{m.outBinding()}}
	if err := m.Session.Declare(ctx, parts); err != nil {
		return err
	}
	if at.Old >= 0 || at.New >= 0 { // otherwise the bindings of the queue may exist again
		if err := m.guarded(ctx, func() error { return m.moveBack(ctx, at) }); err != nil {
			return err
		}
	}
	return m.steps(
		step{"pass on the last messages", func() error { return m.pass(ctx) }},
		step{"bind the queue", func() error { return m.bind(ctx, m.Bindings...) }},
		step{"unbind the gate", func() error { return m.unbind(ctx, m.gated()...) }},
		step{"remove the exchanges", func() error { return m.removeExchanges(ctx) }},
	)
}

// moveBack moves the messages into the queue, in the order of their age.
func (m *Migration) moveBack(ctx context.Context, at State) error {
	if at.Old >= 0 {
		if err := m.restore(ctx); err != nil {
			return err
		}
	}
	if at.New >= 0 {
		return m.release(ctx)
	}
	return nil
}

func (m *Migration) bind(ctx context.Context, bindings ...topology.Binding) error {
	return m.Session.Declare(ctx, topology.Topology{Bindings: bindings})
}

// restore moves the messages back that were in the queue at the beginning.
func (m *Migration) restore(ctx context.Context) error {
	if err := m.step("move back"); err != nil {
		return err
	}
	way := way{from: m.name(oldSuffix), to: m.name(outSuffix), deletion: "delete the old messages", rate: m.Rate}
	return m.drain(ctx, way, m.quiet(ctx, settle))
}

// release moves the messages into the queue that were published meanwhile, and opens the gate
// once it has caught up.
//
// A message that is published then could overtake one that is being moved. So it first goes
// to a queue whose messages expire at once unless they are delivered to a consumer, which
// holds them. When the consumer ends, the queue passes on all of them in order, and each
// further one as it comes.
func (m *Migration) release(ctx context.Context) error {
	if err := m.step("move the held messages"); err != nil {
		return err
	}
	closeLast, err := m.holdLast(ctx)
	if err != nil {
		return err
	}
	o := opening{m: m, quiet: m.quiet(ctx, settle)}
	way := way{from: m.name(newSuffix), to: m.name(outSuffix), deletion: "delete the held messages"}
	err = m.drain(ctx, way, func(f *flow) (bool, error) { return o.done(ctx, f) })
	return errors.Join(err, closeLast())
}

// holdLast prepares the queue for the last messages and consumes it.
func (m *Migration) holdLast(ctx context.Context) (release func() error, err error) {
	err = m.Session.Declare(ctx, topology.Topology{Queues: []topology.Queue{m.last()}, Bindings: []topology.Binding{m.lastBinding()}})
	if err != nil {
		return nil, err
	}
	ch, err := m.Session.Channel(ctx)
	if err != nil {
		return nil, err
	}
	deliveries, err := amqp.Ask(ctx, m.Session, func() (<-chan amqp091.Delivery, error) {
		return ch.Consume(m.name(lastSuffix), "", false, false, false, false, nil) // without a prefetch: it gets all
	}, amqp.Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for range deliveries { // the broker keeps them until the channel is closed
			continue
		}
	}()
	return func() error {
		err := m.Session.CloseChannel(ch)
		if err == nil {
			<-read
		}
		return err
	}, nil
}

// opening opens the gate once the flow has caught up.
type opening struct {
	m     *Migration
	quiet func(*flow) (bool, error)
	begun chan error
	open  bool
}

// done reports whether the gate is open and no message is left behind it. It opens the gate
// in another goroutine, because the flow must go on meanwhile. Then a marker follows the last
// message: a busy broker may take a while to deliver that one.
func (o *opening) done(ctx context.Context, f *flow) (bool, error) {
	switch {
	case o.open && f.marked:
		return o.quiet(f)
	case o.open:
		return false, nil
	}
	if o.begun == nil {
		if empty, err := f.isEmpty(ctx); !empty || err != nil {
			return false, err
		}
		if err := o.m.step("open the gate"); err != nil {
			return false, err
		}
		begun := make(chan error, 1)
		o.begun = begun
		go func() { begun <- o.m.Session.Unbind(ctx, o.m.closed()) }()
		return false, nil
	}
	select {
	case err := <-o.begun:
		if err != nil {
			return false, err
		}
		o.open, f.marked = true, false
		return false, f.mark(ctx)
	default:
		return false, nil
	}
}

// pass waits until the queue for the last messages has passed them on, and removes it. A
// message goes through it or directly, never both.
func (m *Migration) pass(ctx context.Context) error {
	if err := m.awaitLast(ctx); err != nil {
		return err
	}
	if err := m.awaitPrompt(ctx); err != nil {
		return err
	}
	if err := m.unbind(ctx, m.lastBinding()); err != nil {
		return err
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	return m.deleteLast(ctx)
}

// awaitLast waits until the queue for the last messages has none, and no consumer.
func (m *Migration) awaitLast(ctx context.Context) error {
	for {
		s, err := m.Session.State(ctx, m.name(lastSuffix))
		if errors.Is(err, amqp.ErrNoQueue) || err == nil && s == (amqp.QueueState{}) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// awaitPrompt waits, for 2 s at most, until the queue for the last messages answers at once. A
// message that it passes on late could be overtaken by one that no longer passes it.
func (m *Migration) awaitPrompt(ctx context.Context) error {
	for range promptTries {
		took := make(chan time.Duration, 1)
		err := m.call(ctx, func(ch *amqp091.Channel) error {
			asked := time.Now()
			_, _, err := ch.Get(m.name(lastSuffix), false) // answered in turn, after the messages before it
			took <- time.Since(asked)
			return err
		})
		switch {
		case amqp.Code(err) == amqp091.NotFound || err == nil && <-took < prompt:
			return nil
		case err != nil:
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

const (
	promptTries = 40
	prompt      = 5 * time.Millisecond
)

// sleep returns early, with an error, if ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// deleteLast deletes the queue for the last messages, which gets no more.
func (m *Migration) deleteLast(ctx context.Context) error {
	n, err := m.Session.DeleteUnusedQueue(ctx, m.last())
	m.result.Lost += n
	if err != nil {
		return fmt.Errorf("migrate: queue %s: %w", m.Queue.Name, err)
	}
	return nil
}

// removeExchanges deletes the gate last, because a migration has begun if the gate exists.
func (m *Migration) removeExchanges(ctx context.Context) error {
	for _, suffix := range []string{oldSuffix, outSuffix, lastSuffix, gateSuffix} {
		name := m.name(suffix)
		if err := m.call(ctx, func(ch *amqp091.Channel) error { return ch.ExchangeDelete(name, false, false) }); err != nil {
			return fmt.Errorf("delete exchange %s: %w", name, err)
		}
	}
	return nil
}

// call runs an RPC on a channel of its own.
func (m *Migration) call(ctx context.Context, rpc func(*amqp091.Channel) error) error {
	ch, err := m.Session.Channel(ctx)
	if err != nil {
		return err
	}
	if err := m.Session.Call(ctx, func() error { return rpc(ch) }, ch.Close); err != nil {
		return err
	}
	return m.Session.CloseChannel(ch)
}
