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

// ErrMigrated says that another process migrates the queue.
var ErrMigrated = errors.New("migrate: another process migrates the queue")

// ConsumedError says that others consume a queue that is to be migrated.
type ConsumedError struct {
	Queue     string
	Consumers int
}

// Error says what to do.
func (e *ConsumedError) Error() string {
	return fmt.Sprintf("migrate: queue %s has %d consumers: pause or stop them until the migration has ended", e.Queue, e.Consumers)
}

// State is how far a migration has come.
type State struct {
	Queue               topology.Action         // Create: it does not exist; Conflict: it is to be replaced
	Conflict            *topology.ConflictError // set when Queue is Conflict
	Begun               bool                    // the gate exists
	Messages, Consumers int                     // of the queue
	Old, New            int                     // ready messages of the queues of the migration; -1 if they do not exist
}

// Look returns how far the migration has come, and changes nothing.
func (m *Migration) Look(ctx context.Context) (s State, err error) {
	queues := append([]topology.Queue{m.Queue}, m.waiting()...)
	changes, err := m.Session.Plan(ctx, topology.Topology{Exchanges: []topology.Exchange{m.gate()}, Queues: queues})
	if err != nil {
		return s, err
	}
	gate, queue := changes[0], changes[1]
	parts := []topology.Change{gate, changes[2], changes[3]}
	if err := topology.Conflicts(parts); err != nil {
		return s, fmt.Errorf("migrate: queue %s: a migration to other arguments has begun: complete it first: %w", m.Queue.Name, err)
	}
	s.Queue, s.Conflict, s.Begun = queue.Action, queue.Conflict, gate.Action != topology.Create
	if s.Messages, s.Consumers, err = m.count(ctx, m.Queue.Name); err != nil {
		return s, err
	}
	if s.Old, _, err = m.count(ctx, m.name(oldSuffix)); err != nil {
		return s, err
	}
	s.New, _, err = m.count(ctx, m.name(newSuffix))
	return s, err
}

// TooLong returns an error if the queue has more messages than the wanted queue takes: that one
// would refuse or delete those that are moved back. Once a migration has begun it returns nil.
func (m *Migration) TooLong(at State) error {
	most, ok := m.Queue.Arguments.Int("x-max-length")
	if !ok || at.Begun || int64(at.Messages) <= most {
		return nil
	}
	return fmt.Errorf("migrate: queue %s: it has too many messages (got %d, want at most the new x-max-length of %d): let consumers empty it first, or set a larger limit",
		m.Queue.Name, at.Messages, most)
}

// count returns the state of a queue: -1 messages if it does not exist.
func (m *Migration) count(ctx context.Context, queue string) (messages, consumers int, err error) {
	s, err := m.Session.State(ctx, queue)
	if errors.Is(err, amqp.ErrNoQueue) {
		return -1, 0, nil
	}
	return s.Messages, s.Consumers, err
}

// lockTime is how long a migration waits for the lock. The broker may take a moment to
// notice that the process that held it was killed.
const lockTime = 10 * time.Second

// lock makes this the only migration of the queue, by an exclusive queue that the broker
// deletes with the connection.
func (m *Migration) lock(ctx context.Context) (unlock func() error, err error) {
	name := m.name(lockSuffix)
	declare := func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclare(name, false, false, true, false, amqp091.Table{"x-queue-type": topology.Classic})
		return err
	}
	for began := time.Now(); ; {
		err := m.call(ctx, declare)
		switch {
		case err == nil:
			return func() error {
				_, err := m.Session.DeleteQueue(context.WithoutCancel(ctx), name)
				return err
			}, nil
		case amqp.Code(err) != amqp091.ResourceLocked:
			return nil, fmt.Errorf("migrate: lock queue %s: %w", m.Queue.Name, err)
		case time.Since(began) > lockTime:
			return nil, fmt.Errorf("%w: %s", ErrMigrated, m.Queue.Name)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}
