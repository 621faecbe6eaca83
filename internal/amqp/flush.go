package amqp

import (
	"cmp"
	"slices"
)

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
