package amqp

import (
	"slices"
	"testing"
)

// told is what a channel is told of deliveries.
type told struct {
	tag      uint64
	multiple bool
	as       answer
}

// recorder is a channel that notes what it is told, until it is to fail.
type recorder struct {
	all   chan told
	fault error
}

func newRecorder() *recorder { return &recorder{all: make(chan told, 10_000)} }

func (r *recorder) Ack(tag uint64, multiple bool) error { return r.note(told{tag, multiple, ack}) }

func (r *recorder) Nack(tag uint64, multiple, again bool) error {
	if again {
		return r.note(told{tag, multiple, requeue})
	}
	return r.note(told{tag, multiple, reject})
}

func (r *recorder) Reject(tag uint64, again bool) error { return r.Nack(tag, false, again) }

func (r *recorder) note(t told) error {
	if r.fault != nil {
		return r.fault
	}
	r.all <- t
	return nil
}

// rest is what was told since it was asked last.
func (r *recorder) rest() (all []told) {
	for len(r.all) > 0 {
		all = append(all, <-r.all)
	}
	return all
}

func acks(tags ...uint64) []settlement { return also(nil, ack, tags...) }

func also(batch []settlement, as answer, tags ...uint64) []settlement {
	for _, tag := range tags {
		batch = append(batch, settlement{tag: tag, as: as})
	}
	return batch
}

// TestFlush gives one settler one batch after the other, and then the last, empty one.
func TestFlush(t *testing.T) {
	t.Parallel()
	alone := func(tag uint64) told { return told{tag, false, ack} }
	through := func(tag uint64) told { return told{tag, true, ack} }
	tests := []struct {
		name   string
		rounds []round
		want   []told
	}{
		{"nothing says nothing", []round{{lowest: 1}}, nil},
		{"one ack", []round{{lowest: 2, batch: acks(1)}}, []told{alone(1)}},
		{"neighbours go as one", []round{{lowest: 4, batch: acks(1, 2, 3)}}, []told{through(3)}},
		{"in whatever order they came", []round{{lowest: 4, batch: acks(3, 1, 2)}}, []told{through(3)}},
		{"the next neighbours go as one too", []round{{lowest: 3, batch: acks(1, 2)}, {lowest: 5, batch: acks(3, 4)}}, []told{through(2), through(4)}},
		{"what is behind a gap waits for it to close", []round{{lowest: 1, batch: acks(2, 3)}, {lowest: 4, batch: acks(1)}}, []told{through(3)}},
		{"and is told alone if it does not", []round{{lowest: 1, batch: acks(2, 3)}, {lowest: 1, batch: acks(5)}, {lowest: 1}}, []told{alone(2), alone(3), alone(5)}},
		{"a gap that closes late leaves a prefix", []round{{lowest: 1, batch: acks(2)}, {lowest: 1}, {lowest: 4, batch: acks(1, 3)}}, []told{alone(2), through(3)}},
		{"a requeue at the head leaves the rest for a prefix", []round{{lowest: 4, batch: also(acks(2, 3), requeue, 1)}}, []told{{1, false, requeue}, alone(2), alone(3)}},
		{"and if there is a further flush the rest goes as one", []round{{lowest: 4, batch: also(acks(2, 3), requeue, 1)}, {lowest: 5, batch: acks(4)}}, []told{{1, false, requeue}, through(4)}},
		{"a requeue in the middle goes at once", []round{{lowest: 4, batch: also(acks(1, 3), requeue, 2)}}, []told{alone(1), {2, false, requeue}, alone(3)}},
		{"a reject is no ack", []round{{lowest: 4, batch: also(acks(1, 2), reject, 3)}}, []told{through(2), {3, false, reject}}},
		{"a requeue passes what is in hand below it", []round{{lowest: 1, batch: also(acks(3), requeue, 2)}, {lowest: 4, batch: acks(1)}}, []told{{2, false, requeue}, through(3)}},
		{"requeues go in the order of the tags", []round{{lowest: 4, batch: also(nil, requeue, 3, 1, 2)}}, []told{{1, false, requeue}, {2, false, requeue}, {3, false, requeue}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			channel := newRecorder()
			s := &settler{ch: channel}
			var kept []settlement
			var err error
			for _, r := range tt.rounds {
				r.batch = append(kept, r.batch...)
				if kept, err = s.flush(r); err != nil {
					t.Fatal(err)
				}
			}
			if kept, err = s.flush(round{batch: kept, lowest: 1, last: true}); err != nil {
				t.Fatal(err)
			}
			if got := channel.rest(); !slices.Equal(got, tt.want) || len(kept) > 0 {
				t.Errorf("told %v and kept %v, want %v and nothing", got, kept, tt.want)
			}
		})
	}
}

func TestAcksBehindAGapWaitAFewFlushes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		batch []settlement
		want  int // flushes that keep them
	}{
		"few acks wait for four flushes":                           {acks(2, 3), gapFlushes},
		"more than half of the prefetch wait for one":              {acks(2, 3, 4, 5, 6, 7, 8), 1},
		"half of the prefetch is not more than half":               {acks(2, 3, 4, 5, 6, 7), gapFlushes},
		"an ack that is not behind a gap does not count with them": {acks(1, 3, 4, 5, 6, 7, 8), gapFlushes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &settler{ch: newRecorder(), enough: 3, half: 6}
			kept, n, lowest := tt.batch, 0, uint64(1)
			if tt.batch[0].tag == 1 {
				lowest = 2
			}
			for {
				var err error
				if kept, err = s.flush(round{batch: kept, lowest: lowest}); err != nil {
					t.Fatal(err)
				}
				if len(kept) == 0 {
					break
				}
				n++
			}
			if n != tt.want {
				t.Errorf("they were kept by %d flushes, want %d", n, tt.want)
			}
		})
	}
}
