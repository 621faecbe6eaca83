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
	ch   amqp.Acknowledger
	wake chan struct{}
	gone chan struct{} // closed when run has ended

	mu      sync.Mutex
	ready   []settlement
	open    map[uint64]bool // tags received that have no outcome yet; as many as the prefetch at most
	top     uint64          // all tags up to it were noted as received
	early   map[uint64]bool // tags above top that were noted: hands overtake each other
	enough  int             // so many outcomes are told at once
	late    *time.Timer     // tells fewer, should every hand be busy for long
	idle    chan struct{}   // made by wait; closed when open is empty
	told    []chan struct{} // closed after the next flush
	ended   bool            // nothing can be settled any more
	stopped bool            // settle what is ready, then end
}

func newSettler(ch amqp.Acknowledger, prefetch int) *settler {
	s := &settler{
		ch: ch, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		ready: make([]settlement, 0, prefetch), open: make(map[uint64]bool, prefetch), early: make(map[uint64]bool), enough: max(prefetch/4, 1),
	}
	s.late = time.AfterFunc(time.Hour, s.signal)
	go s.run()
	return s
}

// took notes a delivery that will need settling.
func (s *settler) took(tag uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[tag] = true
	s.early[tag] = true
	for s.early[s.top+1] {
		s.top++
		delete(s.early, s.top)
	}
}

// lowest is the lowest tag without an outcome. The tags of a channel have no gaps,
// so one that no hand has noted yet is on its way through Receive.
func (s *settler) lowest() uint64 {
	low := s.top + 1
	for tag := range s.open {
		low = min(low, tag)
	}
	return low
}

// put queues an outcome; false means that the channel is gone.
func (s *settler) put(o settlement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, o.tag)
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

// putAll queues outcomes that go into the same flush, and returns when it is over;
// false means that the channel is gone.
func (s *settler) putAll(all []settlement) bool {
	s.mu.Lock()
	for _, o := range all {
		delete(s.open, o.tag)
	}
	ended := s.ended
	told := make(chan struct{})
	if !ended {
		s.ready = append(s.ready, all...)
		s.told = append(s.told, told)
		s.signal()
	}
	s.mu.Unlock()
	if ended {
		return false
	}
	select {
	case <-told:
		return true
	case <-s.gone:
		return false
	}
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
	if (len(s.open) == 0 || s.ended) && s.idle != nil {
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
		var lowest uint64
		var last bool
		var told []chan struct{}
		batch, lowest, told, last = s.take(batch)
		kept, err := s.flush(batch, lowest, last)
		for _, waiting := range told {
			close(waiting)
		}
		if err != nil || last {
			s.lose()
			return
		}
		if batch = kept; len(kept) > 0 {
			s.late.Reset(settleDelay)
		}
	}
}

// take adds the ready outcomes to those an earlier flush has kept, and says below
// which tag everything has an outcome.
func (s *settler) take(kept []settlement) (batch []settlement, lowest uint64, told []chan struct{}, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch = append(kept, s.ready...) //nolint:gocritic // kept is not used again
	s.ready = s.ready[:0]
	told, s.told = s.told, nil
	s.checkIdle()
	if s.ended {
		return nil, 0, told, true
	}
	return batch, s.lowest(), told, s.stopped
}

// flush tells the broker, in the order of the tags: requeued messages go back to
// where they were. It keeps acks behind a gap, which may close, for one more
// flush, unless this is the last.
func (s *settler) flush(batch []settlement, lowest uint64, last bool) (kept []settlement, err error) {
	slices.SortFunc(batch, func(a, b settlement) int { return cmp.Compare(a.tag, b.tag) })
	prefix := 0
	for prefix < len(batch) && batch[prefix].as == ack && batch[prefix].tag < lowest {
		prefix++
	}
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
		} else if err := s.one(o); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func (s *settler) one(o settlement) error {
	switch o.as {
	case requeue:
		return s.ch.Nack(o.tag, false, true)
	case reject:
		return s.ch.Reject(o.tag, false)
	default:
		return s.ch.Ack(o.tag, false)
	}
}
