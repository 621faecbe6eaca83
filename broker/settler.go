package broker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// answer is what the broker is told of a delivery.
type answer int

const (
	ack answer = iota
	requeue
	reject
)

// settlement is the answer for one delivery.
type settlement struct {
	tag    uint64
	as     answer
	passed bool // a flush has left it for the next one
}

// settleDelay bounds how long an outcome waits for others while all hands are busy.
const settleDelay = 500 * time.Microsecond

// settler tells the broker the outcomes of one channel. It tells them together: the
// contiguous prefix of acks goes as one, and what is behind a gap waits once for
// the gap to close and is then told alone, so that a slow message at the head
// never holds its neighbours' acks. docs/decisions/0002 has the measurements.
type settler struct {
	ch   *amqp.Channel
	wake chan struct{}
	gone chan struct{} // closed when run has ended

	mu      sync.Mutex
	ready   []settlement
	enough  int           // as many are told at once
	late    *time.Timer   // tells the rest, should every hand be busy for long
	open    int           // received and not yet settled
	idle    chan struct{} // made by wait; closed when open is 0
	ended   bool          // nothing can be settled any more
	stopped bool          // settle what is ready, then end

	next    uint64          // the lowest tag not settled; used by run alone
	settled map[uint64]bool // settled tags above next; used by run alone
}

func newSettler(ch *amqp.Channel, prefetch int) *settler {
	s := &settler{
		ch: ch, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		ready: make([]settlement, 0, prefetch), enough: max(prefetch/4, 1), next: 1, settled: make(map[uint64]bool),
	}
	s.late = time.AfterFunc(time.Hour, s.signal)
	go s.run()
	return s
}

// took counts a delivery that will need settling.
func (s *settler) took() {
	s.mu.Lock()
	s.open++
	s.mu.Unlock()
}

// put queues an outcome; false means that the channel is gone.
func (s *settler) put(o settlement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.ended {
		return false
	}
	s.ready = append(s.ready, o)
	switch {
	case len(s.ready) >= s.enough || s.stopped:
		s.signal()
	case len(s.ready) == 1:
		s.late.Reset(settleDelay)
	}
	return true
}

func (s *settler) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lose ends the settler: the channel is gone.
func (s *settler) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.checkIdle()
	s.signal()
}

// stop settles what is ready and ends.
func (s *settler) stop() {
	s.mu.Lock()
	s.stopped = true
	s.signal()
	s.mu.Unlock()
	<-s.gone
}

// wait returns when everything received has an outcome, when none can be given any
// more, or when ctx is done.
func (s *settler) wait(ctx context.Context) {
	s.mu.Lock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.checkIdle()
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (s *settler) checkIdle() {
	if (s.open == 0 || s.ended) && s.idle != nil {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

func (s *settler) run() {
	defer close(s.gone)
	defer s.late.Stop()
	var batch []settlement
	for range s.wake {
		var last bool
		batch, last = s.take(batch)
		kept, err := s.flush(batch, last)
		if err != nil || last {
			s.lose()
			return
		}
		if batch = kept; len(kept) > 0 {
			s.late.Reset(settleDelay)
		}
	}
}

// take adds the ready outcomes to those an earlier flush has kept.
func (s *settler) take(kept []settlement) (batch []settlement, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch = slices.Concat(kept, s.ready)
	s.ready = s.ready[:0]
	s.checkIdle()
	if s.ended {
		return nil, true
	}
	return batch, s.stopped
}

// flush tells the broker, in the order of the tags: requeued messages go back to
// where they were. It keeps acks that may yet become part of a prefix, unless
// this is the last flush.
func (s *settler) flush(batch []settlement, last bool) (kept []settlement, err error) {
	slices.SortFunc(batch, func(a, b settlement) int { return cmp.Compare(a.tag, b.tag) })
	prefix := s.prefix(batch)
	if prefix > 0 {
		if err := s.ch.Ack(batch[prefix-1].tag, prefix > 1); err != nil {
			return nil, err
		}
	}
	kept = batch[:0]
	for _, o := range batch[prefix:] {
		if o.as == ack && !o.passed && !last {
			o.passed = true
			kept = append(kept, o)
			continue
		}
		if err := s.one(o); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func (s *settler) one(o settlement) error {
	s.mark(o.tag)
	switch o.as {
	case requeue:
		return s.ch.Nack(o.tag, false, true)
	case reject:
		return s.ch.Reject(o.tag, false)
	default:
		return s.ch.Ack(o.tag, false)
	}
}

// prefix counts the acks at the batch's head that leave no unsettled tag below
// them: "multiple" would settle that one too.
func (s *settler) prefix(batch []settlement) int {
	n := 0
	for _, o := range batch {
		if o.as != ack || o.tag != s.next {
			break
		}
		s.mark(o.tag)
		n++
	}
	return n
}

// mark notes that tag is settled, and moves next past all that are.
func (s *settler) mark(tag uint64) {
	if tag != s.next {
		s.settled[tag] = true
		return
	}
	s.next++
	for len(s.settled) > 0 && s.settled[s.next] {
		delete(s.settled, s.next)
		s.next++
	}
}
