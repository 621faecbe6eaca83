package amqp_test

import (
	"context"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// TestNoOutcomeIsLostWhenAConsumerIsClosed: one message is requeued, so that the acks of the
// others cannot be sent as one. RabbitMQ drops acks of a quorum queue that it has not handled
// when the channel is closed.
func TestNoOutcomeIsLostWhenAConsumerIsClosed(t *testing.T) {
	t.Parallel()
	for name, closes := range map[string]func(context.Context, *amqp.Consumer) error{
		"Close":    func(ctx context.Context, c *amqp.Consumer) error { return c.Close(ctx) },
		"CloseNow": func(_ context.Context, c *amqp.Consumer) error { return c.CloseNow() },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			const all, taken = 1000, 500
			url := rabbit.URL(t)
			ch, queue := rabbit.Channel(t, url), rabbit.Queue(t)
			if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp091.Table{"x-queue-type": topology.Quorum}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
					t.Error(err)
				}
			})
			fillQueue(t, ch, queue, all)
			s := session(t, amqp.Config{URL: url})
			c, err := s.Consume(t.Context(), amqp.Consume{Queue: queue, Prefetch: taken})
			if err != nil {
				t.Fatal(err)
			}
			deliveries := make([]amqp.Delivery, 0, taken)
			for range taken {
				d, ok := c.Receive(t.Context().Done())
				if !ok {
					t.Fatal("the consumer has ended")
				}
				deliveries = append(deliveries, d)
			}
			if err := c.Cancel(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := deliveries[0].Release(); err != nil {
				t.Fatal(err)
			}
			for i := range deliveries[1:] {
				if err := deliveries[1+i].Ack(); err != nil {
					t.Fatal(err)
				}
			}
			if err := closes(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			var left amqp.QueueState
			rabbit.Eventually(t, 10*time.Second, func() bool {
				left, err = s.State(t.Context(), queue)
				return err == nil && left.Consumers == 0
			}, "the queue has no consumer")
			if want := all - taken + 1; left.Messages != want {
				t.Errorf("%d messages are left, want %d: %d acks were lost", left.Messages, want, left.Messages-want)
			}
		})
	}
}

// fillQueue publishes messages and waits for their confirms.
func fillQueue(t *testing.T, ch *amqp091.Channel, queue string, n int) {
	t.Helper()
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirms := make([]*amqp091.DeferredConfirmation, 0, n)
	for range n {
		c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp091.Publishing{Body: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms {
		if acked, err := c.WaitContext(t.Context()); err != nil || !acked {
			t.Fatalf("confirm: %t, %v", acked, err)
		}
	}
}
