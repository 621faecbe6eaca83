package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

const (
	queueLength  = 20_000 // announcements that wait for a listener
	queueBytes   = 64 << 20
	maxProcesses = 10_000           // that a listener remembers
	maxWeight    = 128 << 20        // bytes of memory for them, about
	maxOfUser    = maxWeight / 2    // for the processes of one user
	maxExecuted  = 200              // commands that a listener remembers
	forgetAfter  = time.Minute      // a process that is missing
	missingAfter = 3                // intervals without an announcement
	grace        = time.Second      // for the way of an announcement
	prefetch     = 20               // announcements sent ahead
	maxDeclare   = 10 * time.Second // for the queue
)

// Seen is the last announcement of a process.
type Seen struct {
	*Announcement
	User     string    `json:"user"` // verified by RabbitMQ; empty if the process does not know its user
	Address  string    `json:"-"`    // for commands; empty if it is not valid
	Received time.Time `json:"received"`
	Missing  bool      `json:"missing"` // no announcement came for three intervals
	weight   int
}

// Listener receives the announcements of all processes. Run receives; the other methods are
// safe for concurrent use.
type Listener struct {
	consumer *amqp.Consumer
	changed  chan struct{} // holds one token

	mu       sync.Mutex
	seen     map[identity]*Seen
	weight   int            // of the announcements in seen
	ofUser   map[string]int // of each user's announcements
	executed []Seen
	invalid  int
}

// identity identifies a process. A user can announce only processes of its own.
type identity struct{ user, id string }

// Listen binds a new queue to Exchange. The queue is exclusive, and ends with the session.
// The user needs permission to configure, write and read "warren.fleet.*", and to read
// Exchange. Listen declares Exchange, unless another program declares the topology.
func Listen(ctx context.Context, s *amqp.Session) (*Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, maxDeclare)
	defer cancel()
	if err := s.Ensure(ctx, Topology()); err != nil {
		return nil, err
	}
	queue := QueuePrefix + rand.Text()
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	err = s.Call(ctx, func() error {
		arguments := amqp091.Table{"x-queue-type": topology.Classic, "x-max-length": int32(queueLength), "x-max-length-bytes": int32(queueBytes)}
		if _, err := ch.QueueDeclare(queue, false, true, true, false, arguments); err != nil {
			return err
		}
		return ch.QueueBind(queue, "#", Exchange, false, nil)
	}, ch.Close)
	if err == nil {
		err = s.CloseChannel(ch)
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: declare a queue for announcements: %w", err)
	}
	c, err := s.Consume(ctx, amqp.Consume{Queue: queue, Prefetch: prefetch})
	if err != nil {
		return nil, err
	}
	return &Listener{consumer: c, changed: make(chan struct{}, 1), seen: make(map[identity]*Seen), ofUser: make(map[string]int)}, nil
}

// Run receives announcements until ctx is done, and then returns nil. It returns an error if
// the connection is lost.
func (l *Listener) Run(ctx context.Context) error {
	defer func() { _ = l.consumer.CloseNow() }() // an error means that it is closed
	for {
		d, ok := l.consumer.Receive(ctx.Done())
		if !ok {
			if ctx.Err() != nil {
				return nil
			}
			<-l.consumer.Done()
			return l.consumer.Err()
		}
		var m message.Message
		d.Fill(&m)
		l.take(&m, time.Now())
		if err := d.Ack(); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// Changed returns a channel that receives a value after an announcement.
func (l *Listener) Changed() <-chan struct{} { return l.changed }

func (l *Listener) take(m *message.Message, now time.Time) {
	a, err := DecodeAnnouncement(m.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.invalid++
		return
	}
	s := &Seen{Announcement: a, User: clipped(m.UserID), Received: now, weight: a.weight(len(m.Body))}
	if amqp.IsReplyAddress(m.ReplyTo) {
		s.Address = m.ReplyTo
	}
	id := identity{s.User, a.Process.ID}
	switch a.Kind {
	case KindGoodbye:
		l.forget(id)
	case KindCommand:
		s.Announcement = &Announcement{Format: Format, Kind: KindCommand, Process: a.Process, Executed: a.Executed}
		l.executed = append(l.executed[max(0, len(l.executed)-maxExecuted+1):], *s)
	case KindState:
		l.keep(id, s)
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// keep remembers the last announcement of a process, if there is room. Otherwise the one before stays,
// which is soon missing.
func (l *Listener) keep(id identity, s *Seen) {
	more, known := s.weight, false
	if before := l.seen[id]; before != nil {
		more, known = s.weight-before.weight, true
	}
	full := !known && len(l.seen) >= maxProcesses
	if full || more > 0 && (l.weight+more > maxWeight || l.ofUser[id.user]+more > maxOfUser) {
		return
	}
	l.seen[id] = s
	l.weight += more
	l.ofUser[id.user] += more
}

func (l *Listener) forget(id identity) {
	s := l.seen[id]
	if s == nil {
		return
	}
	delete(l.seen, id)
	l.weight -= s.weight
	if l.ofUser[id.user] -= s.weight; l.ofUser[id.user] == 0 {
		delete(l.ofUser, id.user)
	}
}

// Processes returns the processes that have announced themselves, by host and process id.
// It marks those that have not for three intervals, and forgets them after a minute.
func (l *Listener) Processes(now time.Time) []Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Seen, 0, len(l.seen))
	for id, s := range l.seen {
		silent := now.Sub(s.Received)
		s.Missing = silent > missingAfter*time.Duration(s.IntervalMS)*time.Millisecond+grace
		if s.Missing && silent > forgetAfter+missingAfter*time.Duration(s.IntervalMS)*time.Millisecond {
			l.forget(id)
			continue
		}
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.Process.Host, b.Process.Host), cmp.Compare(a.Process.PID, b.Process.PID), cmp.Compare(a.Process.ID, b.Process.ID))
	})
	return all
}

// Executed returns the last commands that processes have executed or refused, the oldest
// first, and forgets them.
func (l *Listener) Executed() []Seen {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.executed
	l.executed = nil
	return all
}

// Invalid returns how many messages were not valid announcements.
func (l *Listener) Invalid() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.invalid
}
