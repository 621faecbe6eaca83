package console

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

const (
	lookEvery  = 500 * time.Millisecond // between two snapshots
	countEvery = 3 * time.Second        // between two counts of the broker
	countTime  = 20 * time.Second       // for one count of all queues
	settled    = fleet.Interval + time.Second
)

// link is a connection to the broker.
type link struct {
	session  *amqp.Session
	listener *fleet.Listener // nil if the broker refuses it
	deaf     string
	since    time.Time
}

// errIdle ends a connection that is not needed.
var errIdle = errors.New("console: no page was requested for a while")

// follow connects again and again until ctx is done or the console is idle.
func (c *Console) follow(ctx context.Context) {
	pauses := retry.Policy{InitialInterval: 500 * time.Millisecond, MaxInterval: 10 * time.Second}
	for failures := 1; ctx.Err() == nil && !c.isIdle(); failures++ {
		began := time.Now()
		err := c.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errIdle):
			c.now.Store(&snapshot{At: time.Now(), Fault: "The console was not used for a while, and connects again."})
			return
		case time.Since(began) > 10*time.Second:
			failures = 1
		}
		c.now.Store(lost(err))
		c.log.Warn("console: connection lost, reconnecting", "error", err)
		pace.Wait(ctx, pauses, failures)
	}
}

// lost returns the snapshot of a console without a connection.
func lost(err error) *snapshot {
	s := &snapshot{At: time.Now(), Fault: line(fmt.Sprint(err)), Processes: []process{}, Queues: []queue{}, Parkings: []parking{}}
	s.Problems = problems(s)
	return s
}

// connect connects, listens, and makes snapshots until the connection is lost.
func (c *Console) connect(ctx context.Context) (err error) {
	s, err := amqp.Dial(ctx, amqp.Config(c.config.Broker), "console")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l := &link{session: s, since: time.Now()}
	if l.listener, err = fleet.Listen(ctx, s); err != nil {
		if s.Err() != nil || ctx.Err() != nil {
			return err
		}
		l.deaf = line(err.Error())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel(nil)
	if l.listener != nil {
		listening.Go(func() {
			if err := l.listener.Run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	c.link.Store(l)
	defer c.link.Store(nil)
	return c.look(ctx, l)
}

// look makes snapshots until ctx is done, the session ends or the console is idle.
func (c *Console) look(ctx context.Context, l *link) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var now counts
	for {
		s := c.snapshot(l, now)
		c.now.Store(s)
		if time.Since(now.at) >= countEvery {
			var err error
			if now, err = c.count(ctx, l.session, s); err != nil {
				return err
			}
			s = c.snapshot(l, now)
			c.history.note(s)
			c.now.Store(s)
		}
		select {
		case <-tick.C:
		case <-l.session.Done():
			return l.session.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if c.isIdle() {
			return errIdle
		}
	}
}

// snapshot returns what is known now.
func (c *Console) snapshot(l *link, n counts) *snapshot {
	now := time.Now()
	s := &snapshot{
		At: now, Deaf: l.deaf, Settled: now.Sub(l.since) > settled, Broker: line(l.session.BrokerVersion()),
		Processes: []process{}, Queues: []queue{}, Parkings: []parking{},
	}
	var executed []fleet.Seen
	if l.listener != nil {
		s.view(l.listener.Processes(now))
		s.Invalid, executed = l.listener.Invalid(), l.listener.Executed()
	}
	s.note(executed, c.now.Load().Commands)
	t := c.config.Topology()
	s.arrange(s.queueNames(t), n, t, &c.history)
	s.Problems = problems(s)
	return s
}

// counts is what the broker counts.
type counts struct {
	at       time.Time
	cut      bool // some queues are not counted, because the time was over
	queues   map[string]queueCount
	parkings map[string]int
	levels   int
}

type queueCount struct {
	counted          bool
	ready, consumers int
	dead, readers    int
	partitions       []int // the ready messages of each
	fault            string
}

// count asks the broker for the counts of all queues of s. If the time is over, it returns those that it
// has. It returns an error if it has none, or if the session or ctx has ended.
func (c *Console) count(ctx context.Context, session *amqp.Session, s *snapshot) (counts, error) {
	within, cancel := context.WithTimeoutCause(ctx, countTime, fmt.Errorf("console: the broker did not count the queues within %v", countTime))
	defer cancel()
	k := counter{states: session.States(), session: session}
	n := counts{at: time.Now(), queues: make(map[string]queueCount), parkings: make(map[string]int)}
	err := k.count(within, s, &n)
	if n.cut = err != nil; n.cut && !ended(ctx, session) && len(n.queues)+len(n.parkings) > 0 {
		err = nil
	}
	return n, errors.Join(err, k.states.Close())
}

// counter asks for the states of queues.
type counter struct {
	states  *amqp.States
	session *amqp.Session
}

func (k counter) count(ctx context.Context, s *snapshot, n *counts) error {
	more := maxQueues // partitions that are counted, as anyone may have announced them
	for _, q := range s.Queues {
		q.Partitions = min(q.Partitions, more)
		more -= q.Partitions
		one, err := k.queue(ctx, q)
		if err != nil {
			return err
		}
		n.queues[q.Name] = one
	}
	for _, p := range s.Parkings {
		state, err := k.state(ctx, p.Queue)
		if err != nil {
			return err
		}
		n.parkings[p.Queue] = state.Messages
	}
	if len(s.Parkings) == 0 {
		return nil
	}
	for level := topology.ShortestLevel; level <= topology.LongestLevel; level *= 2 {
		state, err := k.state(ctx, topology.LevelName(level))
		if err != nil {
			return err
		}
		n.levels += state.Messages
	}
	return nil
}

func (k counter) queue(ctx context.Context, q queue) (n queueCount, err error) {
	state, err := k.states.Of(ctx, q.Name)
	if ended(ctx, k.session) {
		return n, errors.Join(err, context.Cause(ctx))
	}
	if err != nil {
		n.fault = err.Error()
	}
	var dead amqp.QueueState
	if q.DLQ != "" {
		if dead, err = k.state(ctx, q.DLQ); err != nil {
			return n, err
		}
	}
	for i := range q.Partitions {
		part, err := k.state(ctx, topology.Partition(q.Name, i))
		if err != nil {
			return n, err
		}
		n.partitions = append(n.partitions, part.Messages)
		state.Messages += part.Messages
	}
	n.counted, n.ready, n.consumers = n.fault == "", state.Messages, state.Consumers
	n.dead, n.readers = dead.Messages, dead.Consumers
	return n, nil
}

// state returns the state of a queue, and an error only if the time is over or the connection is of
// no more use: the queue may not exist, or the user may not see it.
func (k counter) state(ctx context.Context, name string) (amqp.QueueState, error) {
	state, err := k.states.Of(ctx, name)
	if ended(ctx, k.session) {
		return state, errors.Join(err, context.Cause(ctx))
	}
	return state, nil
}

func ended(ctx context.Context, session *amqp.Session) bool {
	return ctx.Err() != nil || session.Err() != nil
}
