package amqp

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// answer is how a delivery is settled.
type answer int

const (
	ack answer = iota
	requeue
	reject
	delayed
)

// settlement is the answer for one delivery.
type settlement struct {
	tag  uint64
	as   answer
	kept int // how many flushes have kept it
}

const (
	// settleDelay bounds how long an outcome waits for others.
	settleDelay = 2 * time.Millisecond
	// gapFlushes is how many flushes keep an ack behind a gap; one if half of the prefetch
	// waits behind it.
	gapFlushes = 4
)

// settler sends the outcomes of one channel to the broker, several at a time. It sends the
// contiguous prefix of acks as one ack. An ack behind a gap waits a few flushes for the gap to
// close and is then sent alone, so that a slow message at the head never delays the acks of
// its neighbours. docs/decisions/0002 has the measurements.
type settler struct {
	ch   amqp091.Acknowledger
	wake chan struct{}
	gone chan struct{} // closed when run has ended

	burst burst // changed by run alone

	mu      sync.Mutex
	ready   []settlement
	open    map[uint64]bool // tags received that have no outcome yet; as many as the prefetch at most
	low     uint64          // below it every tag has an outcome; see lowest
	flushed uint64          // low at the last flush
	top     uint64          // the last tag received
	unknown int             // how many tags the broker has not received an outcome for
	left    int             // how many of the open tags will never have an outcome
	held    bool            // outcomes are held back for now
	enough  int             // how many outcomes without a gap trigger a flush
	half    int             // of the prefetch: how many outcomes with gaps trigger a flush
	late    *time.Timer     // triggers a flush of fewer outcomes if all worker goroutines are busy for long
	idle    chan struct{}   // made by wait; closed when the only open tags are those counted by left
	told    []chan struct{} // closed after the next flush ends
	ended   bool            // outcomes can no longer be sent
	dropped int             // outcomes that were accepted and could not be sent
	stopped bool            // settle what is ready, then end
}

func newSettler(ch amqp091.Acknowledger, prefetch int) *settler {
	s := &settler{
		ch: ch, low: 1, flushed: 1, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		ready: make([]settlement, 0, prefetch), open: make(map[uint64]bool, prefetch), enough: max(prefetch/4, 1), half: max(prefetch/2, 1),
	}
	s.late = time.AfterFunc(time.Hour, s.signal)
	go s.run()
	return s
}

// took records a delivery that has to be settled. Deliveries arrive in the order of their
// tags.
func (s *settler) took(tag uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[tag] = true
	s.top = tag
	s.unknown++
}

// tookLeft records a delivery that will never have an outcome.
func (s *settler) tookLeft(tag uint64) {
	s.took(tag)
	s.leave(1)
}

// leave records that n open tags will never have an outcome. They stay open, so that no ack
// of several messages includes them.
func (s *settler) leave(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left += n
	s.checkIdle()
}

// unsettled returns how many deliveries the broker has sent to this channel without
// receiving their outcome.
func (s *settler) unsettled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unknown
}

// pending returns how many deliveries have no outcome.
func (s *settler) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// hold holds outcomes back until resume.
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

// lowest returns the lowest tag without an outcome.
func (s *settler) lowest() uint64 {
	for s.low <= s.top && !s.open[s.low] {
		s.low++
	}
	return s.low
}

// put queues an outcome. It returns false if the channel is gone.
func (s *settler) put(o settlement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, o.tag)
	if s.ended {
		return false
	}
	s.ready = append(s.ready, o)
	switch {
	case s.stopped || int(s.lowest()-s.flushed) >= s.enough || len(s.ready) >= s.half:
		s.signal()
	case len(s.ready) == 1:
		s.late.Reset(settleDelay)
	}
	return true
}

// putAll queues outcomes that go into the same flush, and returns when the flush is over.
// It returns false if the channel is gone.
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

// untold returns the number of outcomes that were accepted but not sent to the broker, once
// the settler has ended.
func (s *settler) untold() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// stop sends the ready outcomes and ends the settler.
func (s *settler) stop() {
	s.mu.Lock()
	s.stopped = true
	s.signal()
	s.mu.Unlock()
	<-s.gone
}

// wait returns when every received delivery has an outcome or will never have one, when
// outcomes can no longer be sent, or when ctx is done.
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

// run sends outcomes to the broker until the settler ends.
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

// round is the input of one flush.
type round struct {
	batch  []settlement
	lowest uint64          // below it every tag has an outcome
	told   []chan struct{} // closed when the flush is over
	last   bool
}

// take adds the ready outcomes to those that an earlier flush has kept. It returns false
// while outcomes are held back. The outcomes it returns count as sent, since they may be
// sent at any moment.
func (s *settler) take(kept []settlement) (r round, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held && !s.ended && !s.stopped {
		return r, false
	}
	r = round{batch: append(kept, s.ready...), lowest: s.lowest(), told: s.told, last: s.stopped}
	s.ready, s.told, s.flushed = s.ready[:0], nil, r.lowest
	s.unknown -= len(r.batch)
	s.checkIdle()
	if s.ended {
		s.dropped += len(r.batch)
		r.batch, r.last = nil, true
	}
	s.ended = s.ended || r.last // later outcomes are stale: no further flush would send them
	return r, true
}

// keep records that n outcomes are left for the next flush, and schedules it.
func (s *settler) keep(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown += n
	if n > 0 {
		s.late.Reset(settleDelay)
	}
}

// finish ends the settler. The outcomes that the last flush did not send, and outcomes
// accepted since, can no longer be sent.
func (s *settler) finish(untold int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += untold + len(s.ready)
	s.ready = nil
	s.ended = true
	s.checkIdle()
}

// flush sends the outcomes to the broker in the order of the tags, so that requeued
// messages return to their places. It keeps acks behind a gap for up to gapFlushes, because
// the gap may close, unless this flush is the last. After an error it returns all outcomes
// that were not sent.
func (s *settler) flush(r round) (kept []settlement, err error) {
	batch := r.batch
	slices.SortFunc(batch, func(a, b settlement) int { return cmp.Compare(a.tag, b.tag) })
	prefix := 0
	for prefix < len(batch) && batch[prefix].as == ack && batch[prefix].tag < r.lowest {
		prefix++
	}
	if prefix > 0 {
		s.burst.add()
		if err := s.ch.Ack(batch[prefix-1].tag, prefix > 1); err != nil {
			return batch, err
		}
	}
	most := gapFlushes
	if len(batch)-prefix > s.half {
		most = 1
	}
	kept = batch[:0]
	for i, o := range batch[prefix:] {
		if o.as == ack && o.kept < most && !r.last {
			o.kept++
			kept = append(kept, o)
		} else if err := s.one(o); err != nil {
			return append(kept, batch[prefix+i:]...), err
		}
	}
	return kept, nil
}

func (s *settler) one(o settlement) error {
	s.burst.add()
	switch o.as {
	case requeue:
		return s.ch.Nack(o.tag, false, true)
	case reject, delayed:
		return s.ch.Reject(o.tag, o.as == delayed)
	default:
		return s.ch.Ack(o.tag, false)
	}
}
