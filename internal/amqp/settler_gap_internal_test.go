package amqp

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// gapRecorder notes what the broker is told.
type gapRecorder struct {
	mu   sync.Mutex
	told []string
}

func (r *gapRecorder) note(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf(format, args...))
	return nil
}

func (r *gapRecorder) Ack(tag uint64, multiple bool) error { return r.note("ack %d %v", tag, multiple) }

func (r *gapRecorder) Nack(tag uint64, multiple, requeue bool) error {
	return r.note("nack %d %v %v", tag, multiple, requeue)
}

func (r *gapRecorder) Reject(tag uint64, requeue bool) error {
	return r.note("reject %d %v", tag, requeue)
}

// TestSettlerAcknowledgesTheContiguousPrefixTogether gives outcomes in some order and looks at what
// the broker is told when the settler stops.
func TestSettlerAcknowledgesTheContiguousPrefixTogether(t *testing.T) {
	t.Parallel()
	type outcome = settlement
	tests := []struct {
		name     string
		took     []uint64
		outcomes []outcome
		want     []string
	}{
		{"a contiguous prefix goes as one", []uint64{1, 2, 3}, []outcome{{tag: 3}, {tag: 1}, {tag: 2}}, []string{"ack 3 true"}},
		{"one alone is not multiple", []uint64{1}, []outcome{{tag: 1}}, []string{"ack 1 false"}},
		{"what is behind a gap goes alone", []uint64{1, 2, 3}, []outcome{{tag: 2}, {tag: 3}}, []string{"ack 2 false", "ack 3 false"}},
		{"a message without an outcome is not acked by those behind it", []uint64{1, 2, 3}, []outcome{{tag: 2}, {tag: 3}}, []string{"ack 2 false", "ack 3 false"}},
		{
			"a released message is not acked by those behind it",
			[]uint64{1, 2, 3},
			[]outcome{{tag: 1}, {tag: 2, as: requeue}, {tag: 3}},
			[]string{"ack 1 false", "nack 2 false true", "ack 3 false"},
		},
		{"a rejected message is not requeued", []uint64{1}, []outcome{{tag: 1, as: reject}}, []string{"reject 1 false"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &gapRecorder{}
			s := newSettler(r, 1000)
			for _, tag := range tt.took {
				s.took(tag)
			}
			s.mu.Lock()
			s.ready = append(s.ready, tt.outcomes...) // at once, as one batch
			for _, o := range tt.outcomes {
				delete(s.open, o.tag)
			}
			s.mu.Unlock()
			s.stop()
			if !slices.Equal(r.told, tt.want) {
				t.Errorf("the broker was told %q, want %q", r.told, tt.want)
			}
		})
	}
}

// TestAClosedGapIsAckedAtOnce: outcomes behind a gap do not trigger a flush, and the one that
// closes the gap does, so that one ack settles all.
func TestAClosedGapIsAckedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &gapRecorder{}
		s := newSettler(r, 40)
		for tag := range uint64(15) {
			s.took(tag + 1)
		}
		for tag := uint64(2); tag <= 15; tag++ {
			s.put(settlement{tag: tag})
		}
		s.put(settlement{tag: 1})
		synctest.Wait() // no time passes
		if want := []string{"ack 15 true"}; !slices.Equal(r.told, want) {
			t.Errorf("the broker was told %q, want %q", r.told, want)
		}
		s.stop()
	})
}
