package worker_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestOrderHoldsWhenAControlIsUsed is promise 9: what was prefetched goes back to the
// queue, and comes again in its order. The handlers are quick, so that messages are on
// their way whenever something happens.
func TestOrderHoldsWhenAControlIsUsed(t *testing.T) {
	t.Parallel()
	pause := func(r *running, _ handler.Handler, _ int) *running {
		r.sub.Pause()
		r.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
		r.sub.Resume()
		return r
	}
	rescale := func(r *running, _ handler.Handler, i int) *running { r.sub.SetConcurrency(i%6 + 1); return r }
	restart := func(r *running, h handler.Handler, _ int) *running {
		if err := r.finish(); err != nil {
			r.t.Error(err)
		}
		return r.run(h)
	}
	var standby *running
	takeOver := func(r *running, h handler.Handler, i int) *running {
		if i == 0 {
			standby = r.run(h)
		}
		next := standby
		standby = r.run(h)
		if err := r.finish(); err != nil {
			r.t.Error(err)
		}
		return next
	}
	tests := []struct {
		name                        string
		concurrency, prefetch, keys int
		disturb                     func(*running, handler.Handler, int) *running
		single                      bool
	}{
		{"lanes are more and fewer", 4, 20, 7, rescale, false},
		{"lanes are paused", 4, 20, 7, pause, false},
		{"one goroutine is paused", 1, 20, 1, pause, false},
		{"one goroutine is paused that has more than a broker takes back at once", 1, 100, 1, pause, false},
		{"the worker is stopped, and another started", 1, 20, 1, restart, false},
		{"the single active worker is stopped, and the next takes over", 1, 20, 1, takeOver, true},
		{"a single active worker with lanes is paused", 4, 20, 7, pause, true},
		{"a single active worker has more and fewer lanes", 4, 20, 7, rescale, true},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Concurrency, b.queue.Prefetch, b.queue.SingleActive = tt.concurrency, tt.prefetch, tt.single
			if tt.keys > 1 {
				b.queue.OrderBy = func(m *message.Message) string { return m.Headers.String("key") }
			}
			seen := &sequence{got: make(map[string][]int)}
			h := handler.Typed(seen.note)
			r := b.run(h)
			const messages, changes = 1000, 20
			publishKeyed(t, b, messages, tt.keys)
			for i := range changes {
				b.eventually("a part is handled", func() bool { return seen.count() >= i*messages/(changes+1) })
				r = tt.disturb(r, h, i)
			}
			b.eventually("all is handled", func() bool { return seen.count() >= messages && b.depth(b.queue.Name) == 0 })
			seen.check(t, messages)
		})
	}
}

func publishKeyed(t *testing.T, b *bench, messages, keys int) {
	t.Helper()
	items := make([]broker.Item, messages)
	for i := range items {
		items[i] = broker.Item{Key: "job", Body: i, Options: []broker.Option{broker.WithHeader("key", strconv.Itoa(i%keys))}}
	}
	if err := b.pub.PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
}

// sequence is what was handled, by key.
type sequence struct {
	mu    sync.Mutex
	got   map[string][]int
	total int
}

func (s *sequence) note(ctx context.Context, n int) error {
	<-time.After(time.Duration(n%3) * 500 * time.Microsecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	key := message.FromContext(ctx).Headers.String("key")
	s.got[key] = append(s.got[key], n)
	s.total++
	return nil
}

func (s *sequence) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// check wants each message once, and the messages of a key in order.
func (s *sequence) check(t *testing.T, messages int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, order := range s.got {
		if !slices.IsSorted(order) {
			t.Errorf("key %s: handled out of order: %v …", key, order[:unsorted(order)])
		}
	}
	if s.total != messages {
		t.Errorf("%d messages were handled, want each of %d once", s.total, messages)
	}
}

// unsorted is how much of order shows that it is none.
func unsorted(order []int) int {
	for i := range order[1:] {
		if order[i] > order[i+1] {
			return i + 2
		}
	}
	return 0
}
