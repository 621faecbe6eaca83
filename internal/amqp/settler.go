package amqp

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
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

// settleDelay bounds how long an outcome waits for others while all goroutines are busy.
const settleDelay = 500 * time.Microsecond

// settler tells the broker the outcomes of one channel. It tells them together: the
// contiguous prefix of acks goes as one, and what is behind a gap waits once for
// the gap to close and is then told alone, so that a slow message at the head
// never holds its neighbours' acks. docs/decisions/0002 has the measurements.
type settler struct {
	ch   amqp091.Acknowledger
	wake chan struct{}
	gone chan struct{} // closed when run has ended

	mu      sync.Mutex
	ready   []settlement
	open    map[uint64]bool // tags received that have no outcome yet; as many as the prefetch at most
	low     uint64          // below it every tag has an outcome; see lowest
	top     uint64          // the last tag received
	unknown int             // how many tags the broker has not been told the outcome of
	left    int             // how many of the open tags will never have one
	held    bool            // nothing is told for now
	enough  int             // so many outcomes are told at once
	late    *time.Timer     // tells fewer, should every goroutine be busy for long
	idle    chan struct{}   // made by wait; closed when only what is left is open
	told    []chan struct{} // closed after the next flush
	ended   bool            // nothing can be settled any more
	dropped int             // outcomes that were accepted and could not be told
	stopped bool            // settle what is ready, then end
}

func newSettler(ch amqp091.Acknowledger, prefetch int) *settler {
	s := &settler{
		ch: ch, low: 1, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		ready: make([]settlement, 0, prefetch), open: make(map[uint64]bool, prefetch), enough: max(prefetch/4, 1),
	}
	s.late = time.AfterFunc(time.Hour, s.signal)
	go s.run()
	return s
}

// took notes a delivery that will need settling. They come in the order of their tags.
func (s *settler) took(tag uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[tag] = true
	s.top = tag
	s.unknown++
}

// leave notes that n open tags will have no outcome. They stay open: no ack may be
// told for them and others together.
func (s *settler) leave(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left += n
	s.checkIdle()
}

// unsettled is how many messages the broker has sent here and knows no outcome of.
func (s *settler) unsettled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unknown
}

// hold keeps what the broker is to be told until resume.
func (s *settler) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

func (s *settler) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.signal()
}

// lowest is the lowest tag without an outcome.
func (s *settler) lowest() uint64 {
	for s.low <= s.top && !s.open[s.low] {
		s.low++
	}
	return s.low
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

// untold is the number of outcomes that were accepted and that the broker has not been
// told, once the settler has ended.
func (s *settler) untold() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// stop settles what is ready and ends.
func (s *settler) stop() {
	s.mu.Lock()
	s.stopped = true
	s.signal()
	s.mu.Unlock()
	<-s.gone
}

// wait returns when everything received has an outcome, or is left without, when none
// can be given any more, or when ctx is done.
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
	if (len(s.open) == s.left || s.ended) && s.idle != nil {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

// run tells the outcomes of a settler until it ends.
func (s *settler) run() {
	defer close(s.gone)
	defer s.late.Stop()
	var kept []settlement
	for range s.wake {
		r, ok := s.take(kept)
		if !ok {
			continue
		}
		var err error
		kept, err = s.flush(r)
		s.keep(len(kept))
		for _, waiting := range r.told {
			close(waiting)
		}
		if err != nil || r.last {
			s.finish(len(kept))
			return
		}
	}
}

// round is what one flush tells.
type round struct {
	batch  []settlement
	lowest uint64          // below it every tag has an outcome
	told   []chan struct{} // to be closed when it is over
	last   bool
}

// take adds the ready outcomes to those an earlier flush has kept; false while
// nothing is to be told. What it takes counts as told, since it may be at any moment.
func (s *settler) take(kept []settlement) (r round, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held && !s.ended && !s.stopped {
		return r, false
	}
	r = round{batch: append(kept, s.ready...), lowest: s.lowest(), told: s.told, last: s.stopped}
	s.ready, s.told = s.ready[:0], nil
	s.unknown -= len(r.batch)
	s.checkIdle()
	if s.ended {
		s.dropped += len(r.batch)
		r.batch, r.last = nil, true
	}
	s.ended = s.ended || r.last // from here on an outcome is stale: no further flush would tell it
	return r, true
}

// keep notes that n outcomes are left for the next flush, soon.
func (s *settler) keep(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown += n
	if n > 0 {
		s.late.Reset(settleDelay)
	}
}

// finish ends the settler; untold outcomes of the last flush, and what was accepted
// since, can no longer be told.
func (s *settler) finish(untold int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += untold + len(s.ready)
	s.ready = nil
	s.ended = true
	s.checkIdle()
}

// flush tells the broker, in the order of the tags: requeued messages go back to
// where they were. It keeps acks behind a gap, which may close, for one more
// flush, unless this is the last. After an error it returns all that is untold.
func (s *settler) flush(r round) (kept []settlement, err error) {
	batch := r.batch
	slices.SortFunc(batch, func(a, b settlement) int { return cmp.Compare(a.tag, b.tag) })
	prefix := 0
	for prefix < len(batch) && batch[prefix].as == ack && batch[prefix].tag < r.lowest {
		prefix++
	}
	if prefix > 0 {
		if err := s.ch.Ack(batch[prefix-1].tag, prefix > 1); err != nil {
			return batch, err
		}
	}
	kept = batch[:0]
	for i, o := range batch[prefix:] {
		if o.as == ack && !o.passed && !r.last {
			o.passed = true
			kept = append(kept, o)
		} else if err := s.one(o); err != nil {
			return append(kept, batch[prefix+i:]...), err
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
