package worker_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// row is an item of a batch.
type row struct {
	N int `json:"n"`
}

// batches runs a worker whose queue has f for batches of size, and returns how to read the sizes of the calls.
func (b *bench) batches(size int, wait time.Duration, f func(context.Context, []row) error, change ...func(*worker.Config)) (r *running, sizes func() map[int]int) {
	b.t.Helper()
	var mu sync.Mutex
	seen := make(map[int]int)
	h := handler.Batch(func(ctx context.Context, rows []row) error {
		mu.Lock()
		seen[len(rows)]++
		mu.Unlock()
		return f(ctx, rows)
	})
	r = b.runRegistered(func(*worker.Worker) {}, func(q *worker.Subscription) { q.HandleBatch("#", h, size, wait) }, change...)
	return r, func() map[int]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}
}

func TestMessagesAreHandledInBatchesAndEachHasItsOwnOutcome(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type = "classic" // no message is fetched alone
		b.queue.Retry = retry.Policy{MaxAttempts: 2, InitialInterval: 100 * time.Millisecond}
		if err := b.run(nothing).finish(); err != nil { // it has declared the queue
			t.Fatal(err)
		}
		for n := range 20 {
			b.publish("key", row{n})
		}
		_, sizes := b.batches(10, time.Second, func(_ context.Context, rows []row) error {
			for _, one := range rows {
				if one.N == 7 {
					return errors.New("row 7 is bad")
				}
			}
			return nil
		})
		count := map[worker.Verdict]int{}
		for _, v := range b.verdicts(21) {
			count[v]++
		}
		if want := (map[worker.Verdict]int{worker.Ack: 19, worker.Retry: 1, worker.DeadLetter: 1}); !maps.Equal(count, want) {
			t.Errorf("the outcomes are %v, want %v", count, want)
		}
		if s := sizes(); s[10] != 2 {
			t.Errorf("the calls had the sizes %v, want two whole batches", s)
		}
	})
}

func TestADrainHandlesThePartOfABatch(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type = "classic"
		if err := b.run(nothing).finish(); err != nil {
			t.Fatal(err)
		}
		r, sizes := b.batches(10, 30*time.Second, func(context.Context, []row) error { return nil })
		for n := range 3 {
			b.publish("key", row{n})
		}
		b.eventually("three are in hand", func() bool { return r.worker.Health().Queues[0].InHand == 3 })
		if err := r.finish(); err != nil {
			t.Fatal(err)
		}
		if s := sizes(); s[3] != 1 || b.depth(b.queue.Name) != 0 {
			t.Errorf("the calls had the sizes %v and %d messages are left, want one call of three", s, b.depth(b.queue.Name))
		}
	})
}

// TestPartsOfBatchesDoNotExceedTheConcurrency has one call wait while messages for two more come.
func TestPartsOfBatchesDoNotExceedTheConcurrency(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type = "classic"
		var now, most atomic.Int32
		leave := make(chan struct{})
		r, _ := b.batches(10, 10*time.Millisecond, func(context.Context, []row) error {
			most.Store(max(most.Load(), now.Add(1)))
			<-leave
			now.Add(-1)
			return nil
		})
		b.publish("key", row{0})
		b.eventually("the first call has begun", func() bool { return now.Load() == 1 })
		for n := range 9 {
			b.publish("key", row{n + 1})
			<-time.After(12 * time.Millisecond) // longer than a part of a batch waits for more
		}
		b.eventually("all are in hand", func() bool { return r.sub.Health().InHand == 10 })
		close(leave)
		b.verdicts(10)
		if n := most.Load(); n != 1 {
			t.Errorf("there were %d calls at a time, want one", n)
		}
	})
}

// TestAMessageThatHangsTakesItsBatchAlongOnce has a call with row 3 never return in time. The others have two
// attempts, and do not spend one while they wait for that call to end.
func TestAMessageThatHangsTakesItsBatchAlongOnce(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type, b.queue.Timeout = "classic", 500*time.Millisecond
		b.queue.Retry = retry.Policy{MaxAttempts: 2, InitialInterval: 100 * time.Millisecond}
		b.batches(10, 400*time.Millisecond, func(ctx context.Context, rows []row) error {
			if slices.Contains(rows, row{3}) {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		for n := range 10 {
			b.publish("key", row{n})
		}
		count := map[worker.Verdict]int{}
		b.eventually("each has its last outcome", func() bool {
			clear(count)
			for _, s := range b.settled() {
				count[s.Outcome.Verdict]++
			}
			return count[worker.Ack]+count[worker.DeadLetter] == 10
		})
		if count[worker.Ack] != 9 {
			t.Errorf("the outcomes are %v, want nine acks", count)
		}
	})
}

// TestBatchesLoseNothingWhenTheWireIsCut cuts the connection while batches are being handled.
// TestAMessageThatHangsIsHandledAloneWithNativeDelays: the broker keeps no reason of a retry, so the
// message is copied.
func TestAMessageThatHangsIsHandledAloneWithNativeDelays(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b, ok := nativeBench(t)
		if !ok {
			return
		}
		b.queue.Timeout, b.queue.Retry.MaxAttempts = 500*time.Millisecond, 3
		var mu sync.Mutex
		var hung []int // the sizes of the calls that hung
		b.batches(4, 400*time.Millisecond, func(ctx context.Context, rows []row) error {
			if !slices.Contains(rows, row{3}) {
				return nil
			}
			mu.Lock()
			hung = append(hung, len(rows))
			mu.Unlock()
			<-ctx.Done()
			return ctx.Err()
		})
		for n := range 4 {
			b.publish("key", row{n})
		}
		if d := b.deadLetter(); d.Headers["warren-attempt"] != int64(3) {
			t.Errorf("the dead letter has the attempt %v, want 3", d.Headers["warren-attempt"])
		}
		mu.Lock()
		defer mu.Unlock()
		if len(hung) != 3 || hung[1] != 1 || hung[2] != 1 {
			t.Errorf("calls with %v messages hung, want three, the last two of one message", hung)
		}
	})
}

func TestBatchesLoseNothingWhenTheWireIsCut(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		messages, cuts := rabbit.Scaled(4000), 5
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url, b.forgetful = proxy.URL(), true
		var mu sync.Mutex
		handled := make(map[int]int)
		done := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(handled)
		}
		r, _ := b.batches(16, 10*time.Millisecond, func(ctx context.Context, rows []row) error {
			<-time.After(2 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			for _, one := range rows {
				handled[one.N]++
			}
			return ctx.Err()
		}, func(c *worker.Config) {
			c.Broker.Backoff.InitialInterval, c.Broker.Backoff.MaxInterval = 10*time.Millisecond, 50*time.Millisecond
		})
		part := messages / cuts
		for i := range cuts {
			items := make([]broker.Item, part)
			for k := range items {
				items[k] = broker.Item{Key: "key", Body: row{i*part + k}}
			}
			if err := b.pub.PublishBatch(t.Context(), items...); err != nil {
				t.Fatal(err)
			}
			b.eventually("a batch is in hand", func() bool { return r.sub.Health().InHand > 0 || done() == (i+1)*part })
			proxy.Cut()
			proxy.Restore(t)
		}
		b.eventually("every message is handled", func() bool { return done() == messages && b.depth(b.queue.Name) == 0 })
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v", err)
		}
		twice := -messages
		for _, n := range handled {
			twice += n
		}
		t.Logf("%d messages, 0 lost, %d handled again after %d cuts", messages, twice, cuts)
		if most := cuts * 2 * 16 * 2; twice > most { // each cut requeues at most the prefetch, after a retry too
			t.Errorf("%d messages were handled again, want at most %d", twice, most)
		}
	})
}

func TestTheSpanOfABatchIsLinkedToItsMessages(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type = "classic"
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		b.batches(3, 30*time.Second, func(context.Context, []row) error { return nil }, func(c *worker.Config) { c.TracerProvider = provider })
		for n := range 3 {
			b.publish("key", row{n}, broker.WithMessageID(string(rune('a'+n))))
		}
		b.verdicts(3)
		links := -1
		for _, s := range spans.Ended() {
			if s.Name() == "batch "+b.queue.Name {
				links = len(s.Links())
			}
		}
		if links != 3 {
			t.Errorf("the span of the batch has %d links, want 3", links)
		}
	})
}

func TestHandleBatchRefusesSizesAndWaitsOutOfRange(t *testing.T) {
	t.Parallel()
	h := handler.Batch(func(context.Context, []row) error { return nil })
	for name, call := range map[string]func(*worker.Subscription){
		"size 0":                func(q *worker.Subscription) { q.HandleBatch("#", h, 0, time.Second) },
		"size 10,001":           func(q *worker.Subscription) { q.HandleBatch("#", h, 10_001, time.Second) },
		"no wait":               func(q *worker.Subscription) { q.HandleBatch("#", h, 1, 0) },
		"a wait of the timeout": func(q *worker.Subscription) { q.HandleBatch("#", h, 1, time.Minute) },
		"no handler":            func(q *worker.Subscription) { q.HandleBatch("#", nil, 1, time.Second) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: HandleBatch did not panic", name)
				}
			}()
			call(worker.New(worker.Config{}).Queue(worker.Queue{Name: "q"}))
		}()
	}
}

// TestABatchHasNoCheckpoint, because it has several messages.
func TestABatchHasNoCheckpoint(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		refused := make(chan error, 10)
		b.batches(2, time.Second, func(ctx context.Context, _ []row) error {
			refused <- checkpoint.Save(ctx, 1)
			return retry.Permanent(errors.New("bad"))
		})
		b.publish("key", row{1})
		if d := b.deadLetter(); d.Headers[record.HeaderCheckpoint] != nil {
			t.Errorf("the dead letter has the checkpoint %v, want none", d.Headers[record.HeaderCheckpoint])
		}
		if err := <-refused; err == nil || !strings.HasPrefix(err.Error(), "checkpoint: save: ") {
			t.Errorf("Save returned %v, want an error", err)
		}
	})
}
