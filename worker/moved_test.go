package worker_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestADeadLetterThatIsMovedBackBeginsAnew: a person or a shovel moves it from the
// dead-letter queue to the work queue, with its headers. It gets a fresh series of
// attempts, and so does what the broker dead-lettered by itself.
func TestADeadLetterThatIsMovedBackBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		die  func(t *testing.T, b *bench)
		runs int // before it is dead
	}{
		{"after its last attempt", func(_ *testing.T, b *bench) { b.publish("key", 1) }, 3},
		{"rejected in its second attempt, because no copy can be made", func(t *testing.T, b *bench) {
			t.Helper()
			b.raw(amqp.Publishing{Headers: amqp.Table{
				record.HeaderQueue: b.queue.Name, record.HeaderExchange: b.exchange, record.HeaderRoutingKey: "key",
				record.HeaderAttempt: int64(1), record.HeaderRetryCount: int64(1), "large": strings.Repeat("x", 126<<10),
			}})
		}, 1},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			attempts := make(chan int, 20)
			b.run(handler.Func(func(_ context.Context, m *message.Message) error { attempts <- m.Attempt; return errBoom }))
			tt.die(t, b)
			dead := b.deadLetter()
			for range tt.runs {
				<-attempts
			}
			delete(dead.Headers, "large")
			move(t, b, dead)
			again := message.Headers(b.deadLetter().Headers)
			for want := 1; want <= quick.MaxAttempts; want++ {
				if got := <-attempts; got != want {
					t.Errorf("attempt %d after the move, want %d", got, want)
				}
			}
			if n := strings.Count(again.String(record.HeaderHistory), `"attempt"`); n != quick.MaxAttempts {
				t.Errorf("the history has %d attempts, want the %d since the move", n, quick.MaxAttempts)
			}
		})
	}
}

// move publishes a delivery to the work queue as it is, as the management UI does.
func move(t *testing.T, b *bench, d amqp.Delivery) {
	t.Helper()
	p := amqp.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
		Priority: d.Priority, CorrelationId: d.CorrelationId, MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, Body: d.Body,
	}
	if err := b.channel.PublishWithContext(t.Context(), "", b.queue.Name, true, false, p); err != nil {
		t.Fatal(err)
	}
}

// TestAPublishedDeliveryCountIsNotTheQueues: a dead letter that a shovel moves back keeps the header of
// its former queue.
func TestAPublishedDeliveryCountIsNotTheQueues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(q *worker.Queue)
	}{
		{"with goroutines that could be killed together", func(q *worker.Queue) { q.Concurrency = 4 }},
		{"with one active consumer", func(q *worker.Queue) { q.SingleActive = true }},
		{"with retries in the worker", func(q *worker.Queue) { q.HoldRetries = true }},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			tt.change(&b.queue)
			attempts := make(chan int, 20)
			b.run(handler.Func(func(_ context.Context, m *message.Message) error { attempts <- m.Attempt; return errBoom }))
			move(t, b, amqp.Delivery{Headers: amqp.Table{"x-delivery-count": int64(21)}})
			if reason := b.deadLetter().Headers[record.HeaderReason]; reason != message.ReasonError {
				t.Errorf("the reason of the dead letter is %v, want %s", reason, message.ReasonError)
			}
			var got []int
			for len(attempts) > 0 {
				got = append(got, <-attempts)
			}
			if want := []int{1, 2, 3}; !slices.Equal(got, want) {
				t.Errorf("the attempts are %v, want %v", got, want)
			}
			if alone := isolated(b); len(alone) > 0 {
				t.Errorf("events of isolation: %+v, want none", alone)
			}
		})
	}
}

// TestAClassicQueueCountsNoDeliveries, so the header is the publisher's in later deliveries, too.
func TestAClassicQueueCountsNoDeliveries(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Type, b.queue.HoldRetries = topology.Classic, true
		attempts := make(chan int, 2)
		h := handler.Func(func(ctx context.Context, m *message.Message) error {
			if attempts <- m.Attempt; m.Redelivered {
				return nil
			}
			<-handler.Stopping(ctx)
			return handler.ErrStopping
		})
		r := b.run(h)
		move(t, b, amqp.Delivery{Headers: amqp.Table{"x-delivery-count": int64(21)}})
		got := []int{<-attempts}
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		b.run(h)
		if got = append(got, <-attempts); !slices.Equal(got, []int{1, 1}) {
			t.Errorf("the attempts are %v, want 1 before and after the stop", got)
		}
	})
}
