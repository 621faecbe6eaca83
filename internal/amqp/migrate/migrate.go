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

// Migration replaces a queue. Its fields may not be changed once Run has begun.
type Migration struct {
	Session *amqp.Session
	// Queue is the queue as it is wanted.
	Queue topology.Queue
	// Bindings are all bindings of the queue: AMQP cannot list them. A binding that is
	// missing here is lost with the queue.
	Bindings []topology.Binding
	// Rate is how many messages are moved per second, at most, as long as messages that are
	// published are held. Zero means no limit.
	Rate int
	// Quiet is how long the queue must have been empty before it is deleted, and no message have
	// been returned to it. A consumer that was cancelled may still hold messages, which AMQP does
	// not show. The least is 300 ms.
	Quiet time.Duration
	// OnMoved is called with the number of messages that were moved, by one goroutine.
	OnMoved func(n int)
	// OnStep is called before each step. Its error ends the migration.
	OnStep func(step string) error

	result Result
}

// Result is what a migration has done.
type Result struct {
	Moved int // messages, each move counted
	Lost  int // messages that the broker deleted with the queue, or whose copies were not confirmed afterwards, at most
}

// attempts is how often a queue is deleted and declared anew. A program with the former
// configuration may declare it as it was, at the moment when it does not exist.
const attempts = 3

// Run replaces the queue. If it is interrupted, another Run continues it. The result is
// valid even if Run returns an error. Run returns amqp.ErrNoQueue if the queue does not exist,
// the error of TooLong, a *ConsumedError while others consume it, and ErrMigrated while another
// process migrates it.
func (m *Migration) Run(ctx context.Context) (Result, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return m.result, err
	}
	err = m.run(ctx)
	return m.result, errors.Join(err, unlock())
}

func (m *Migration) run(ctx context.Context) error {
	for n := 0; ; n++ {
		at, err := m.Look(ctx)
		switch {
		case err != nil:
			return err
		case at.Queue == topology.Same && !at.Begun:
			return nil
		case at.Queue == topology.Same:
			return m.finish(ctx, at)
		case at.Queue == topology.Create && !at.Begun:
			return fmt.Errorf("%w: %s", amqp.ErrNoQueue, m.Queue.Name)
		case m.TooLong(at) != nil:
			return m.TooLong(at)
		case n == attempts:
			return fmt.Errorf("migrate: queue %s: a program declares it as it was, each time that it is deleted: %w", m.Queue.Name, at.Conflict)
		}
		if err := m.replace(ctx, at); err != nil {
			return err
		}
	}
}

// replace drains and deletes the queue, and declares it as wanted.
func (m *Migration) replace(ctx context.Context, at State) error {
	exists := at.Queue == topology.Conflict
	if exists && at.Consumers > 0 {
		return &ConsumedError{Queue: m.Queue.Name, Consumers: at.Consumers}
	}
	if err := m.hold(ctx, exists); err != nil {
		return err
	}
	if exists {
		if err := m.guarded(ctx, func() error { return m.empty(ctx) }); err != nil {
			return err
		}
	}
	if err := m.step("declare"); err != nil {
		return err
	}
	err := m.Session.Declare(ctx, topology.Topology{Queues: []topology.Queue{m.Queue}})
	if _, conflict := errors.AsType[*topology.ConflictError](err); conflict {
		return nil // run looks again
	}
	return err
}

// hold closes the gate: what is published from now on waits. Until the last step each
// message still goes to the queue, once, because the broker routes a message to a queue
// only once.
func (m *Migration) hold(ctx context.Context, exists bool) error {
	parts := m.parts()
	if exists {
		parts.Bindings = append(parts.Bindings, m.outBinding())
	}
	return m.steps(
		step{"prepare", func() error { return m.Session.Declare(ctx, parts) }},
		step{"bind the gate", func() error { return m.Session.Declare(ctx, topology.Topology{Bindings: m.gated()}) }},
		step{"unbind the queue", func() error { return m.unbind(ctx, m.Bindings...) }},
		step{"close the gate", func() error {
			return m.Session.Declare(ctx, topology.Topology{Bindings: []topology.Binding{m.closed()}})
		}},
	)
}

// guarded runs do, and meanwhile removes the bindings of the queue every second: a worker
// that starts binds its queue again, and then each message would go to the queue and to the
// gate.
func (m *Migration) guarded(ctx context.Context, do func() error) error {
	guarding, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for sleep(guarding, guardInterval) == nil {
			if err := m.unbind(ctx, m.Bindings...); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	err := do()
	stop()
	return errors.Join(err, <-ended)
}

// guardInterval is how often the bindings of the queue are removed.
const guardInterval = time.Second

// unbind removes bindings. A queue or an exchange that does not exist has none.
func (m *Migration) unbind(ctx context.Context, bindings ...topology.Binding) error {
	err := m.Session.Unbind(ctx, bindings...)
	if amqp.Code(err) == amqp091.NotFound {
		return nil
	}
	return err
}

// empty moves all messages out of the queue and deletes it. The consumer stays until the queue
// is gone: the broker delivers every message to it that arrives before the deletion. So even
// the messages that others publish to the queue by its name at that moment are kept, which
// an empty quorum queue would lose: it cannot be deleted on the condition that it is empty.
func (m *Migration) empty(ctx context.Context) error {
	if err := m.step("drain"); err != nil {
		return err
	}
	way := way{from: m.Queue.Name, to: m.name(oldSuffix), deletion: "delete", rate: m.Rate}
	return m.drain(ctx, way, m.quiet(ctx, max(m.Quiet, settle)))
}

// way leads from a queue to an exchange.
type way struct {
	from, to string
	deletion string // the step that deletes the queue
	rate     int    // messages per second; zero means no limit
}

// drain moves the messages of a queue until done returns true, and deletes the queue.
func (m *Migration) drain(ctx context.Context, w way, done func(*flow) (bool, error)) error {
	f, err := m.flow(ctx, w)
	if err != nil {
		return err
	}
	err = f.run(ctx, func() (bool, error) { return done(f) })
	if err == nil {
		err = m.step(w.deletion)
	}
	if err == nil {
		err = m.delete(ctx, f)
	}
	return errors.Join(err, f.close())
}

// delete deletes the queue of f. From then on it cannot be interrupted, because the last
// messages are in the memory of this process alone.
func (m *Migration) delete(ctx context.Context, f *flow) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
	defer cancel()
	f.gone, f.limit = true, nil
	n, err := m.Session.DeleteQueue(ctx, f.from)
	m.result.Lost += n
	if err != nil {
		return err
	}
	if err = f.run(ctx, func() (bool, error) { return false, nil }); err != nil {
		m.result.Lost += f.unmoved()
	}
	return err
}

// deleteTime bounds the deletion of a queue with the publishing of the last messages.
const deleteTime = 30 * time.Second

// quiet returns a function that reports whether the queue of a flow has been empty for d, and no
// message was held, by another consumer or by the rate. New messages do not count: programs that publish to the queue by
// its name may never pause. The function returns an error if others consume the queue.
func (m *Migration) quiet(ctx context.Context, d time.Duration) func(*flow) (bool, error) {
	var since time.Time
	return func(f *flow) (bool, error) {
		empty, err := f.isEmpty(ctx)
		if !empty || err != nil {
			since = time.Time{}
			return false, err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if f.held.After(since) {
			since = f.held
		}
		return time.Since(since) >= d, nil
	}
}

type step struct {
	name string
	do   func() error
}

func (m *Migration) steps(all ...step) error {
	for _, s := range all {
		if err := m.step(s.name); err != nil {
			return err
		}
		if err := s.do(); err != nil {
			return fmt.Errorf("migrate: queue %s: %s: %w", m.Queue.Name, s.name, err)
		}
	}
	return nil
}

func (m *Migration) step(name string) error {
	if m.OnStep == nil {
		return nil
	}
	return m.OnStep(name)
}

func (m *Migration) moved(n int) {
	m.result.Moved += n
	if m.OnMoved != nil {
		m.OnMoved(n)
	}
}
