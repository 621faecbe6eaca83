package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// steps is a job of many steps, which saves the number of the next one.
type steps struct {
	mu       sync.Mutex
	runs     []int // of each attempt: the step it began with
	done     []int // how often each step was done
	attempts []int
	step     func(ctx context.Context, i int) error
}

func (s *steps) Handle(ctx context.Context, m *message.Message) error {
	next := 0
	if _, err := checkpoint.Load(ctx, &next); err != nil {
		return err
	}
	s.mu.Lock()
	s.runs, s.attempts = append(s.runs, next), append(s.attempts, m.Attempt)
	s.mu.Unlock()
	for ; next < len(s.done); next++ {
		select {
		case <-handler.Stopping(ctx):
			return handler.ErrStopping
		default:
		}
		if err := s.step(ctx, next); err != nil {
			return err
		}
		s.mu.Lock()
		s.done[next]++
		s.mu.Unlock()
		if err := checkpoint.Save(ctx, next+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *steps) reached(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done[n-1] > 0
}

// once fails if a step was done twice or not at all.
func (s *steps) once(t *testing.T) {
	t.Helper()
	for i, n := range s.done {
		if n != 1 {
			t.Errorf("step %d was done %d times, want once", i, n)
		}
	}
}

// TestALongJobSurvivesThreeDeployments stops the worker three times during a job of two hours, of
// which three seconds take a millisecond.
func TestALongJobSurvivesThreeDeployments(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := &steps{done: make([]int, 2400), step: func(ctx context.Context, _ int) error {
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
			}
			return context.Cause(ctx)
		}}
		r := b.run(s)
		b.publish("key", "import")
		for _, n := range []int{600, 1200, 1800} {
			b.eventually("the job is under way", func() bool { return s.reached(n) })
			if err := r.finish(); err != nil {
				t.Errorf("Run returned %v", err)
			}
			r = b.run(s)
		}
		b.eventually("the job has ended", func() bool { return s.reached(2400) })
		b.eventually("it is acknowledged", func() bool { v := b.settled(); return v[len(v)-1].Outcome.Verdict == worker.Ack })
		s.once(t)
		if len(s.runs) != 4 || s.attempts[3] != 1 {
			t.Errorf("the job began at the steps %v in the attempts %v, want 4 runs of the first attempt", s.runs, s.attempts)
		}
		if err := r.finish(); err != nil || b.depth(b.queue.Name)+b.depth(topology.DeadLetterQueue(b.queue.Name)) != 0 {
			t.Errorf("Run returned %v, and messages are left", err)
		}
	})
}

func TestACheckpointIsKeptWhenTheGraceIsOver(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		hang := make(chan struct{}, 1)
		s := &steps{done: make([]int, 3)}
		s.step = func(ctx context.Context, i int) error {
			if i != 2 || len(s.runs) > 1 {
				return nil
			}
			hang <- struct{}{}
			<-ctx.Done() // it does not notice that the worker stops
			return context.Cause(ctx)
		}
		r := b.run(s, func(c *worker.Config) { c.Grace = 50 * time.Millisecond })
		b.publish("key", "import")
		<-hang
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		r = b.run(s)
		b.eventually("the job has ended", func() bool { return s.reached(3) })
		s.once(t)
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// TestACheckpointIsInTheNextAttempt fails in a step of each attempt, until the message is
// dead-lettered.
func TestACheckpointIsInTheNextAttempt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*worker.Queue){
		"in the parking queue": func(*worker.Queue) {},
		"held in the worker":   func(q *worker.Queue) { q.HoldRetries = true },
	} {
		t.Run(name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				change(&b.queue)
				b.queue.Retry = retry.Policy{MaxAttempts: 3, InitialInterval: time.Millisecond}
				s := &steps{done: make([]int, 10)}
				s.step = func(_ context.Context, i int) error {
					if i == 3*len(s.runs) {
						return errors.New("this step fails")
					}
					return nil
				}
				r := b.run(s)
				b.publish("key", "import")
				d := b.deadLetter()
				if got := message.Headers(d.Headers).String(record.HeaderCheckpoint); got != "9" {
					t.Errorf("the dead letter has the checkpoint %q, want 9", got)
				}
				if len(s.runs) != 3 || s.runs[1] != 3 || s.runs[2] != 6 {
					t.Errorf("the attempts began at the steps %v, want 0, 3 and 6", s.runs)
				}
				if err := r.finish(); err != nil {
					t.Errorf("Run returned %v", err)
				}
			})
		})
	}
}

// TestAStopKeepsTheOrderOfAMessageWithACheckpoint where the queue promises an order. The message is
// requeued at its place, and its checkpoint is recorded.
func TestAStopKeepsTheOrderOfAMessageWithACheckpoint(t *testing.T) {
	t.Parallel()
	byKey := func(*message.Message) string { return "one" }
	for _, tt := range []struct {
		name   string
		change func(*worker.Queue)
		result error // of the handler that is told to stop
		order  []int
		loaded bool
	}{
		{"one active consumer", func(q *worker.Queue) { q.SingleActive = true }, handler.ErrStopping, []int{1, 2, 3}, true},
		{"partitions", func(q *worker.Queue) { q.Partitions, q.OrderBy = 2, byKey }, handler.ErrStopping, []int{1, 2, 3}, true},
		{"other queues copy the message to the end", func(q *worker.Queue) { q.OrderBy = byKey }, handler.ErrStopping, []int{2, 3, 1}, true},
		{"and so does a handler that snoozes", func(q *worker.Queue) { q.SingleActive = true }, retry.Snooze(0), []int{2, 3, 1}, true},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Concurrency, b.queue.Prefetch = 1, 10
			tt.change(&b.queue)
			begun := make(chan struct{})
			var mu sync.Mutex
			var order []int
			loaded := false
			h := handler.Typed(func(ctx context.Context, n int) error {
				if n == 1 && !isClosed(begun) {
					if err := checkpoint.Save(ctx, 1); err != nil {
						return err
					}
					close(begun)
					<-handler.Stopping(ctx)
					return tt.result
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, n)
				var step int
				found, err := checkpoint.Load(ctx, &step)
				loaded = loaded || found
				return err
			})
			r := b.run(h)
			for n := range 3 {
				b.publish("key", n+1)
			}
			<-begun
			if err := r.finish(); err != nil {
				t.Error(err)
			}
			b.run(h)
			b.eventually("all are handled", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(order) == 3
			})
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(order, tt.order) || loaded != tt.loaded {
				t.Errorf("the order is %v, and a checkpoint was loaded: %v; want %v and %v", order, loaded, tt.order, tt.loaded)
			}
		})
	}
}
