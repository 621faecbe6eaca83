package broker

import (
	"context"
	"slices"
	"sync"

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
	tag uint64
	as  answer
}

// settler tells the broker the outcomes of one channel. It takes whatever is
// ready: the contiguous prefix of acks goes as one, the rest one by one, so that a
// slow message at the head never holds its neighbours' acks.
type settler struct {
	ch   *amqp.Channel
	wake chan struct{}
	gone chan struct{} // closed when run has ended

	mu      sync.Mutex
	ready   []settlement
	open    int           // received and not yet settled
	idle    chan struct{} // made by wait; closed when open is 0
	ended   bool          // nothing can be settled any more
	stopped bool          // settle what is ready, then end

	next    uint64          // the lowest tag not settled; used by run alone
	settled map[uint64]bool // settled tags above next; used by run alone
}

func newSettler(ch *amqp.Channel, prefetch int) *settler {
	s := &settler{ch: ch, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		ready: make([]settlement, 0, prefetch), next: 1, settled: make(map[uint64]bool)}
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
	s.signal()
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
	var batch []settlement
	for range s.wake {
		var last bool
		batch, last = s.take(batch)
		if err := s.flush(batch); err != nil || last {
			s.lose()
			return
		}
	}
}

// take swaps the ready outcomes for an empty buffer.
func (s *settler) take(empty []settlement) (batch []settlement, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, s.ready = s.ready, empty[:0]
	s.checkIdle()
	if s.ended {
		return nil, true
	}
	return batch, s.stopped
}

// flush tells the broker. Its order is that of the tags: requeued messages go
// back to where they were.
func (s *settler) flush(batch []settlement) error {
	if len(batch) == 0 {
		return nil
	}
	slices.SortFunc(batch, func(a, b settlement) int { return int(int64(a.tag) - int64(b.tag)) })
	prefix := s.prefix(batch)
	if prefix > 0 {
		if err := s.ch.Ack(batch[prefix-1].tag, prefix > 1); err != nil {
			return err
		}
	}
	for _, o := range batch[prefix:] {
		if err := s.one(o); err != nil {
			return err
		}
	}
	return nil
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
