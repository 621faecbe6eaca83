package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// keyed notes the rows of batches by their key.
type keyed struct {
	mu sync.Mutex
	of map[int][]int
	n  int
}

// handle fails the row 13 alone.
func (k *keyed) handle(_ context.Context, rows []row) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	failed := handler.BatchError{}
	for i, r := range rows {
		if r.N == 13 {
			failed[i] = retry.Permanent(errors.New("row 13 is bad"))
			continue
		}
		k.of[r.N%keys] = append(k.of[r.N%keys], r.N)
		k.n++
	}
	if len(failed) > 0 {
		return failed
	}
	return nil
}

func (k *keyed) handled() (n int, byKey [][]int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range keys {
		byKey = append(byKey, slices.Clone(k.of[key]))
	}
	return k.n, byKey
}

const keys = 6

// TestQueuesOfEachKindHaveBatches: all rows but one are handled once, in the order of their key if the
// queue has one, and the bad row alone is a dead letter.
func TestQueuesOfEachKindHaveBatches(t *testing.T) {
	t.Parallel()
	ordered := func(q *worker.Queue) {
		q.OrderBy = func(m *message.Message) string { return m.Headers.String("key") }
	}
	for name, change := range map[string]func(*bench){
		"ordered by key": func(b *bench) { ordered(&b.queue) },
		"partitions":     func(b *bench) { ordered(&b.queue); b.queue.Partitions = 2 },
		"single active":  func(b *bench) { ordered(&b.queue); b.queue.SingleActive = true },
		"a stream":       func(b *bench) { b.stream(); ordered(&b.queue) },
	} {
		t.Run(name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				change(b)
				b.declare()
				var wanted [keys][]int
				for n := range 60 {
					b.publish("key", row{n}, broker.WithHeader("key", strconv.Itoa(n%keys)))
					if n != 13 {
						wanted[n%keys] = append(wanted[n%keys], n)
					}
				}
				k := keyed{of: make(map[int][]int)}
				_, sizes := b.batches(keys, 100*time.Millisecond, k.handle)
				b.eventually("all are handled", func() bool { n, _ := k.handled(); return n >= 59 })
				b.eventually("one is a dead letter", func() bool { return b.depth(topology.DeadLetterQueue(b.queue.Name)) == 1 })
				if _, byKey := k.handled(); !slices.EqualFunc(byKey, wanted[:], slices.Equal) {
					t.Errorf("handled %v, want %v", byKey, wanted)
				}
				if s := sizes(); s[1] == 60 {
					t.Errorf("the calls had the sizes %v, want batches", s)
				}
			})
		})
	}
}
