package amqp_test

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// TestHeadersOfAHandledMessageMayBePassedOn: what Warren and RabbitMQ wrote into them is
// dropped, so that the new message is not misrouted; the user's own stay.
func TestHeadersOfAHandledMessageMayBePassedOn(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		queue := rabbit.Queue(t)
		session, err := amqp.Dial(t.Context(), amqp.Config{URL: url, Dial: rabbit.Dial}, "test")
		if err != nil {
			t.Fatal(err)
		}
		work := topology.WorkQueue{Name: queue, Keys: []string{queue}}
		if err := session.Declare(t.Context(), work.Topology().Merge(topology.Shared())); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for _, q := range []string{queue, topology.DeadLetterQueue(queue), topology.ParkingQueue(queue)} {
				if _, err := session.DeleteQueue(context.Background(), q); err != nil {
					t.Error(err)
				}
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		})
		p := publisher(t, amqp.Config{URL: url}, "")
		if err := p.Publish(t.Context(), queue, 1, broker.WithDelay(100*time.Millisecond), broker.WithHeader("warren-team", "red")); err != nil {
			t.Fatal(err)
		}
		first := receiveOne(t, session, topology.ParkingQueue(queue))
		if _, delayed := first.Headers[record.HeaderDue]; !delayed {
			t.Fatalf("the delayed message has headers %v, want the time at which it is due among them", first.Headers)
		}
		if err := p.Publish(t.Context(), queue, 2, broker.WithHeaders(first.Headers), broker.WithHeader(record.HeaderRetryCount, 7)); err != nil {
			t.Fatal(err)
		}
		second := receiveOne(t, session, queue)
		published, _ := second.Headers.Int(record.HeaderPublishedAt) // its own
		if before, _ := first.Headers.Int(record.HeaderPublishedAt); published < before || len(second.Headers) != 2 || second.Headers.String("warren-team") != "red" || second.Attempt != 1 {
			t.Errorf("attempt %d has headers %v, want attempt 1 with only the user's and the time of its publish", second.Attempt, second.Headers)
		}
	})
}

func receiveOne(t *testing.T, s *amqp.Session, queue string) message.Message {
	t.Helper()
	c, err := s.Consume(t.Context(), amqp.Consume{Queue: queue})
	if err != nil {
		t.Fatal(err)
	}
	d, ok := c.Receive(nil)
	if !ok {
		t.Fatalf("nothing was received: %v", c.Err())
	}
	var m message.Message
	d.Fill(&m)
	if err := d.Ack(); err != nil {
		t.Error(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return m
}
