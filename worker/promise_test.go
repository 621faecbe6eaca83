package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestAcksAreSessionSafe is promise 2: a result that comes after its session was
// lost is dropped, and settles no message of the next session.
func TestAcksAreSessionSafe(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.Concurrency, b.queue.Prefetch = 2, 2
		entered, finish := make(chan string, 10), make(chan struct{})
		var mu sync.Mutex
		runs := make(map[string]int)
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			mu.Lock()
			runs[m.ID]++
			mu.Unlock()
			entered <- m.ID
			if !m.Redelivered {
				<-finish
			}
			return nil
		}))
		for _, id := range []string{"a", "b"} { // delivery tags 1 and 2, of the first session
			b.publish("key", id, broker.WithMessageID(id))
			<-entered
		}
		proxy.Cut()
		r.noticesLoss()
		proxy.Restore(t)
		b.eventually("the worker consumes again", func() bool { return r.worker.Health().Ready })
		close(finish) // late acks of tags 1 and 2, which now mean other deliveries
		b.eventually("both are handled again", func() bool { return len(b.settled()) == 4 && b.depth(b.queue.Name) == 0 })
		stale := 0
		for _, s := range b.settled() {
			if errors.Is(s.SettleErr, broker.ErrStale) {
				stale++
			}
		}
		if stale != 2 {
			t.Errorf("%d late results were dropped, want 2", stale)
		}
		for _, id := range []string{"a", "b"} {
			if runs[id] != 2 {
				t.Errorf("message %s was handled %d times, want 2", id, runs[id])
			}
		}
	})
}

// TestPoisonMessageCannotLoop is promise 5, for a message that kills its process.
func TestPoisonMessageCannotLoop(t *testing.T) {
	rabbit.NeedsNetwork(t, "its processes die")
	t.Parallel()
	b := newBench(t)
	b.queue.DeliveryLimit = 2
	r := b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
	if err := r.finish(); err != nil { // it has declared the queue
		t.Fatal(err)
	}
	b.publish("key", "poison", broker.WithMessageID("poison"))
	var dead amqp.Delivery
	l := &ledger{handled: make(map[string]int)}
	for range 5 {
		p := startChild(t, "suicide", b, l)
		var gone bool
		b.eventually("the child dies or the message is dead", func() bool {
			d, ok, err := b.channel.Get(topology.DeadLetterQueue(b.queue.Name), true)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				dead = d
			}
			select {
			case <-p.read:
				gone = true
			default:
			}
			return gone || ok
		})
		p.kill(t)
		if dead.MessageId != "" {
			break
		}
	}
	if dead.MessageId != "poison" {
		t.Fatalf("after five deaths the message is not in the dead-letter queue")
	}
	if reason := dead.Headers["x-first-death-reason"]; reason != "delivery_limit" {
		t.Errorf("the broker's reason is %v, want delivery_limit", reason)
	}
}

// TestRetriesAreCountedByOurOwnHeader is promise 6: neither x-death nor another
// queue's record counts, and a restart of the worker does not begin anew.
func TestRetriesAreCountedByOurOwnHeader(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var mu sync.Mutex
		var attempts []int
		fail := handler.Func(func(_ context.Context, m *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			attempts = append(attempts, m.Attempt)
			return errBoom
		})
		b.queue.Retry.InitialInterval = time.Second
		first := b.run(fail)
		b.publish("key", 1, broker.WithHeaders(message.Headers{
			"x-death":               []any{amqp.Table{"count": int64(9), "reason": "expired", "queue": b.queue.Name, "exchange": "", "routing-keys": []any{"k"}}},
			record.HeaderQueue:      "another-queue",
			record.HeaderRetryCount: int64(7),
			record.HeaderRoutingKey: "another.key",
		}))
		b.verdicts(1)
		if err := first.finish(); err != nil {
			t.Fatal(err)
		}
		b.run(fail)
		if got := b.verdicts(3); !slices.Equal(got, []worker.Verdict{worker.Retry, worker.Retry, worker.DeadLetter}) {
			t.Errorf("verdicts %v", got)
		}
		if !slices.Equal(attempts, []int{1, 2, 3}) {
			t.Errorf("attempts %v, want 1 2 3", attempts)
		}
		if key := message.Headers(b.deadLetter().Headers).String(record.HeaderRoutingKey); key != "key" {
			t.Errorf("routing key %q, want the one it was published with", key)
		}
	})
}

// TestRetryReturnsToItsOwnQueueOnly is promise 7: a retry does not fan out again,
// and the handler sees the original exchange and routing key.
func TestRetryReturnsToItsOwnQueueOnly(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		other := newBench(t)
		other.exchange, other.queue.Exchange = b.exchange, b.exchange
		// One queue's name ends with the other's, after a dot: the delays must not mix them up.
		other.queue.Name = "welcome." + b.queue.Name
		var others atomic.Int32
		other.run(handler.Func(func(context.Context, *message.Message) error { others.Add(1); return nil }))
		seen := make(chan string, 10)
		b.runMux(map[string]handler.Handler{"user.*": handler.Func(func(_ context.Context, m *message.Message) error {
			seen <- m.Exchange + " " + m.RoutingKey
			return failUntil(m.Attempt, 3)
		})})
		b.publish("user.signed_up", 1)
		b.verdicts(3)
		for range 3 {
			if got, want := <-seen, b.exchange+" user.signed_up"; got != want {
				t.Errorf("the handler saw %q, want %q", got, want)
			}
		}
		if n := others.Load(); n != 1 {
			t.Errorf("the other queue handled it %d times, want once", n)
		}
	})
}

// TestOrder is promise 9.
func TestOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		concurrency int
		orderBy     func(*message.Message) string
		keys        int
	}{
		{"publish order with a concurrency of 1", 1, nil, 1},
		{"order per key at any concurrency", 8, func(m *message.Message) string { return m.Headers.String("key") }, 20},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			const messages = 1000
			b := newBench(t)
			b.queue.Concurrency, b.queue.OrderBy = tt.concurrency, tt.orderBy
			var mu sync.Mutex
			got := make(map[string][]int)
			var most, now atomic.Int32
			b.run(handler.Typed(func(ctx context.Context, n int) error {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				<-time.After(time.Duration(n%3) * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				key := message.FromContext(ctx).Headers.String("key")
				got[key] = append(got[key], n)
				return nil
			}))
			items := make([]broker.Item, messages)
			for i := range items {
				items[i] = broker.Item{Key: "job", Body: i, Options: []broker.Option{broker.WithHeader("key", strconv.Itoa(i%tt.keys))}}
			}
			if err := b.pub.PublishBatch(t.Context(), items...); err != nil {
				t.Fatal(err)
			}
			b.verdicts(messages)
			for key, order := range got {
				if !slices.IsSorted(order) {
					t.Errorf("key %s: handled out of order: %v", key, order)
				}
			}
			if m := int(most.Load()); m > tt.concurrency || (tt.concurrency > 1 && m == 1) {
				t.Errorf("%d messages in hand at once, want more than one and at most %d", m, tt.concurrency)
			}
		})
	}
}

// TestPublishReturnsNilOnlyForConfirmedAndRoutedMessages is promise 8, as far as a healthy broker can show it;
// package broker has the rest.
func TestPublishReturnsNilOnlyForConfirmedAndRoutedMessages(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.MaxLength = 1
		enter, leave := make(chan struct{}, 10), make(chan struct{})
		b.queue.Prefetch = 1
		b.run(handler.Func(func(context.Context, *message.Message) error { enter <- struct{}{}; <-leave; return nil }))
		defer close(leave)
		b.publish("key", 1)
		<-enter
		var err error
		for range 20 { // the limit counts what is in hand too, and lags a little on quorum queues
			if err = b.pub.Publish(t.Context(), "key", 1); err != nil {
				break
			}
		}
		if !errors.Is(err, broker.ErrNacked) {
			t.Errorf("publish to a full queue returned %v, want ErrNacked", err)
		}
		missing := broker.NewPublisher(broker.Config{URL: b.pubURL, Dial: rabbit.Dial}, "no-such-exchange")
		defer func() { _ = missing.Close() }()
		if err := missing.Publish(t.Context(), "key", 1); !errors.Is(err, broker.ErrUnroutable) {
			t.Errorf("publish to a missing exchange returned %v, want ErrUnroutable", err)
		}
	})
}
