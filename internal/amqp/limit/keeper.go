package limit

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
)

const (
	// settle is how long a slot rests after a process that did not give it back: a process
	// whose connection was lost needs some time to end its handler.
	settle = time.Second
	// widen is how long a process waits for some slots before it waits for twice as many.
	widen = 50 * time.Millisecond
	// repeat is how often a process repeats that it waits.
	repeat = time.Second
	// renewMessage is how often the message of a slot is replaced. RabbitMQ 3.10 keeps the log of a
	// queue as long as its oldest message.
	renewMessage = 5 * time.Minute
	// leaveTimeout bounds the publish that gives a slot back, and askTimeout bounds other calls.
	leaveTimeout = time.Second
	askTimeout   = 10 * time.Second
	// maxLease is the longest lease.
	maxLease = 15 * time.Second
)

// Types of the messages in the queue of a slot.
const (
	typeWaiting = "warren.limit.waiting" // a process waits for the slot
	typeFree    = "warren.limit.free"    // the slot was given back
)

// run keeps the pool, over one session after another, until ctx is done.
func (p *Pool) run(ctx context.Context, h *Host) {
	policy := retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 10 * time.Second}.WithDefaults()
	for failures := 0; ctx.Err() == nil; {
		s, err := h.connector.Session(ctx)
		if err != nil {
			return
		}
		began := time.Now()
		err = p.attend(ctx, h, s)
		if failures++; s.Err() != nil || time.Since(began) > maxLease {
			failures = 0
		}
		if ctx.Err() == nil && s.Err() == nil {
			h.report(p.spec.Name, err)
		}
		pace.Wait(ctx, policy, failures)
	}
}

// attend takes slots over one session, until the session ends or ctx is done.
func (p *Pool) attend(ctx context.Context, h *Host, s *amqp.Session) error {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := s.Ensure(asking, p.spec.Topology()); err != nil {
		return err
	}
	ch, err := s.Channel(asking)
	if err != nil {
		return err
	}
	k := newKeeper(p, h, s, ch)
	err = k.keep(ctx)
	for _, t := range k.seats {
		if t != nil && t.term != nil {
			p.lose(t.term, err)
		}
	}
	close(k.done)
	k.passing.Wait() // over the channel
	closing := s.CloseChannel(ch)
	k.running.Wait()
	return errors.Join(err, closing)
}

// keeper takes slots and gives them back over one channel. Everything but the goroutines that
// forward deliveries and publish is one goroutine, keep.
type keeper struct {
	pool    *Pool
	sender  *amqp.Sender
	report  func(name string, err error)
	session *amqp.Session
	ch      *amqp091.Channel
	process string // which process says that it waits
	lease   time.Duration

	seats  []*seat // by slot; nil if this process neither holds it nor waits for it
	next   int     // the slot to wait for next
	wanted int     // how many slots to wait for
	wider  time.Time

	arrived   chan arrival
	closed    chan *amqp091.Error
	cancelled chan string
	announces chan int // slots that this process waits for
	done      chan struct{}
	running   sync.WaitGroup
	passing   sync.WaitGroup // slots that are passed on
	passed    chan int       // receives each of them
	leaving   map[int]int    // how often a slot is being passed on; this process does not wait for it
}

// seat is the consumer of one slot's queue.
type seat struct {
	slot      int
	tag       string
	term      *Term     // nil while another process holds the slot
	token     uint64    // the delivery that is kept unacknowledged; 0 if there is none
	asked     time.Time // when the token was requeued, to see it again; zero if it came back
	renewed   time.Time // when that was done last
	announced time.Time // when this process published last that it waits
}

type arrival struct {
	seat *seat
	amqp091.Delivery
}

func newKeeper(p *Pool, h *Host, s *amqp.Session, ch *amqp091.Channel) *keeper {
	k := &keeper{
		pool: p, sender: h.sender, report: h.report, session: s, ch: ch, process: rand.Text()[:12],
		lease: min(s.Heartbeat()*3/2, maxLease), seats: make([]*seat, p.spec.Slots), next: mathrand.IntN(p.spec.Slots),
		arrived: make(chan arrival, p.spec.Slots), closed: ch.NotifyClose(make(chan *amqp091.Error, 1)),
		cancelled: ch.NotifyCancel(make(chan string, p.spec.Slots)), announces: make(chan int, p.spec.Slots), done: make(chan struct{}),
		passed: make(chan int), leaving: make(map[int]int),
	}
	k.running.Go(k.announce)
	return k
}
