package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// inOrder are the queues whose messages keep their place at a stop.
func inOrder() map[string]func(*worker.Queue) {
	byKey := func(*message.Message) string { return "one" }
	return map[string]func(*worker.Queue){
		"one active consumer":                   func(q *worker.Queue) { q.SingleActive = true },
		"partitions":                            func(q *worker.Queue) { q.Partitions, q.OrderBy = 2, byKey },
		"a classic queue":                       func(q *worker.Queue) { q.SingleActive, q.Type = true, topology.Classic },
		"retries in the worker":                 func(q *worker.Queue) { q.SingleActive, q.HoldRetries = true, true },
		"partitions with retries in the worker": func(q *worker.Queue) { q.Partitions, q.OrderBy, q.HoldRetries = 2, byKey, true },
	}
}

// The deployments are more than the delivery limit. Each does one step, and the messages behind the job, which each process fetches, wait for its end.
func TestALongJobSurvives25DeploymentsAtItsPlace(t *testing.T) {
	t.Parallel()
	for name, change := range inOrder() {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			change(&b.queue)
			b.queue.Concurrency, b.queue.Prefetch = 1, 3
			j := newSlowJob(26)
			r := b.run(j)
			for n := range 4 {
				b.publish("key", n)
			}
			for n := range 25 {
				b.eventually("a step is done", func() bool { return j.waits.Load() == int64(n+1) })
				if err := r.finish(); err != nil {
					t.Errorf("Run returned %v", err)
				}
				r = b.run(j)
			}
			b.eventually("all are handled", func() bool { return len(j.order()) == 4 })
			j.once(t)
			if got := j.order(); !slices.Equal(got, []string{"0 1", "1 1", "2 1", "3 1"}) || slices.Max(j.attempts) != 1 {
				t.Errorf("the messages and their attempts were %q, those of the job %v, want the job first, and the first attempt of each", got, j.attempts)
			}
			if err := r.finish(); err != nil || b.depth(b.queue.Name)+b.depth(topology.DeadLetterQueue(b.queue.Name)) != 0 {
				t.Errorf("Run returned %v, and messages are left", err)
			}
		})
	}
}

// Each message that a consumer acknowledges while it stops lets the broker send it another one.
func TestAStopAmongManyMessagesIsNoAttempt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"retries in the worker", "partitions with retries in the worker"} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			inOrder()[name](&b.queue)
			b.queue.Concurrency, b.queue.Prefetch = 1, 20
			var handled, again atomic.Int64
			h := handler.Typed(func(ctx context.Context, _ int) error {
				handled.Add(1)
				if message.FromContext(ctx).Attempt > 1 {
					again.Add(1)
				}
				return nil
			})
			r := b.run(h)
			const stops, each = 10, 50
			for n := range stops * each {
				b.publish("key", n)
			}
			for n := range int64(stops) {
				b.eventually("some messages are handled", func() bool { return handled.Load() >= n*each })
				if err := r.finish(); err != nil {
					t.Error(err)
				}
				r = b.run(h)
			}
			b.eventually("all are handled", func() bool { return handled.Load() >= stops*each })
			if err := r.finish(); err != nil || again.Load() != 0 {
				t.Errorf("Run returned %v, and %d messages came as a later attempt, want none", err, again.Load())
			}
		})
	}
}

// slowJob handles the message 0 in steps, one for each process until the last one is done.
type slowJob struct {
	steps
	waits   atomic.Int64 // how often it has waited for the end of its process
	handled []string     // body and attempt
}

func newSlowJob(n int) *slowJob {
	j := &slowJob{steps: steps{done: make([]int, n)}}
	j.step = func(ctx context.Context, i int) error {
		j.mu.Lock()
		first := j.runs[len(j.runs)-1]
		j.mu.Unlock()
		if i == first {
			return nil
		}
		j.waits.Add(1)
		<-handler.Stopping(ctx)
		return handler.ErrStopping
	}
	return j
}

func (j *slowJob) Handle(ctx context.Context, m *message.Message) error {
	if string(m.Body) == "0" {
		if err := j.steps.Handle(ctx, m); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handled = append(j.handled, fmt.Sprintf("%s %d", m.Body, m.Attempt))
	return nil
}

func (j *slowJob) order() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.handled)
}

// With a single active consumer, a message is dead-lettered after as many losses as the limit allows, and
// the stops in between do not count.
func TestStopsAreNotCountedByTheDeliveryLimit(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.SingleActive, b.queue.DeliveryLimit = true, 4
		var begun atomic.Int64
		h := handler.Typed(func(ctx context.Context, _ int) error {
			begun.Add(1)
			select {
			case <-handler.Stopping(ctx):
				return handler.ErrStopping
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		runs := int64(0)
		begins := func() {
			t.Helper()
			runs++
			b.eventually("the handler begins", func() bool { return begun.Load() == runs })
		}
		quickly := func(c *worker.Config) { c.Broker.Backoff.MaxInterval = 500 * time.Millisecond }
		r := b.run(h, quickly)
		lose := func() {
			proxy.Cut()
			r.noticesLoss()
			proxy.Restore(t)
		}
		b.publish("key", 1)
		begins()
		for range 2 {
			lose()
			begins()
		}
		for range 6 {
			if err := r.finish(); err != nil {
				t.Error(err)
			}
			r = b.run(h, quickly)
			begins()
		}
		for range 2 {
			lose()
			begins()
		}
		lose() // the fifth time
		d := b.deadLetter()
		if h := message.Headers(d.Headers); h.String(record.HeaderReason) != message.ReasonDeliveryLimit || begun.Load() != runs {
			t.Errorf("the reason is %q after %d runs, want %q and %d", h.String(record.HeaderReason), begun.Load(), message.ReasonDeliveryLimit, runs)
		}
		limit, ok := errors.AsType[*worker.DeliveryLimitError](b.settled()[len(b.settled())-1].Outcome.Err)
		if !ok || limit.Deliveries != 5 || limit.Limit != 4 {
			t.Errorf("the error is %v, want a *DeliveryLimitError with 5 deliveries and a limit of 4", limit)
		}
	})
}

// TestCheckpointsAreRecordedWhileTheHandlerRuns, so that a loss repeats the last seconds alone.
func TestCheckpointsAreRecordedWhileTheHandlerRuns(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		rabbit.Waits(t, "a record of checkpoints, which is written every 10 s")
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.SingleActive = true
		var l loads
		r := b.run(handler.Typed(func(ctx context.Context, _ int) error {
			if step, err := l.load(ctx); step > 0 || err != nil {
				return err
			}
			if err := checkpoint.Save(ctx, 7); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}))
		b.publish("key", 1)
		b.eventually("the checkpoint is recorded", func() bool { return b.exists(topology.StopsQueue(b.queue.Name)) })
		b.eventually("the record is in its queue", func() bool { return b.depth(topology.StopsQueue(b.queue.Name)) == 1 })
		proxy.Cut()
		r.noticesLoss()
		proxy.Restore(t)
		b.eventually("the message is handled", func() bool { n := len(b.settled()); return n > 0 && b.settled()[n-1].Outcome.Verdict == worker.Ack })
		if loaded := l.loaded(); !slices.Equal(loaded, []int{0, 7}) {
			t.Errorf("the attempts began with the checkpoints %v, want 0 and 7", loaded)
		}
	})
}

// exists reports whether a queue exists.
func (b *bench) exists(queue string) bool {
	b.t.Helper()
	ch, err := b.conn.Channel() // its own: to ask for what does not exist costs the channel
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err == nil {
		_ = ch.Close()
	}
	return err == nil
}

// rows is a process with a long job on a queue with a single active consumer. It prints each row of
// the job, and each other message.
func rows() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	q := w.Queue(worker.Queue{Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"), SingleActive: true, Retry: quick})
	q.Handle("#", handler.Typed(func(ctx context.Context, n int) error {
		if n > 0 {
			fmt.Println("message", n)
			return nil
		}
		row := 0
		if _, err := checkpoint.Load(ctx, &row); err != nil {
			return err
		}
		for ; row < killedRows; row++ {
			select {
			case <-handler.Stopping(ctx):
				return handler.ErrStopping
			case <-time.After(50 * time.Millisecond):
			}
			fmt.Println("row", row)
			if err := checkpoint.Save(ctx, row+1); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := w.Run(ctx); err != nil {
		panic(err)
	}
}

const killedRows = 500

// A long job also survives stops. A kill repeats the rows since the last record, of 10 s at
// most, and a stop repeats none.
func TestALongJobInOrderSurvivesKills(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	b := newBench(t)
	b.queue.SingleActive = true
	r := b.run(handler.Typed(func(context.Context, int) error { return nil }))
	if err := r.finish(); err != nil { // it has declared the queue
		t.Fatal(err)
	}
	for n := range 3 {
		b.publish("key", n)
	}
	var lines []string
	run := func(until int) (p *process, done <-chan struct{}) {
		p, reached := startProcess(t, "rows", b), make(chan struct{})
		go func() {
			defer close(p.read)
			for s := bufio.NewScanner(p.out); s.Scan(); {
				if lines = append(lines, s.Text()); s.Text() == fmt.Sprint("row ", until) || s.Text() == "message 2" {
					close(reached)
				}
			}
		}()
		return p, reached
	}
	p, reached := run(50)
	<-reached
	p.drain(t)
	stopped := len(lines)
	p, reached = run(350) // 15 s later
	<-reached
	p.kill(t)
	killed := len(lines)
	p, reached = run(-1)
	<-reached
	p.drain(t)
	if want := "row " + strconv.Itoa(stopped); lines[stopped] != want {
		t.Errorf("after the stop the job continues with %s, want %s", lines[stopped], want)
	}
	var again int
	if _, err := fmt.Sscanf(lines[killed], "row %d", &again); err != nil || again < 100 || again > killed {
		t.Errorf("after the kill the job continues with %q, want a row of the last 10 s, of %d", lines[killed], killed)
	}
	tail := strings.Join(lines[len(lines)-3:], ", ")
	if tail != fmt.Sprintf("row %d, message 1, message 2", killedRows-1) {
		t.Errorf("the end is %s, want the last row and the messages behind the job", tail)
	}
}
