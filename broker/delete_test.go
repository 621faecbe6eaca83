package broker_test

import (
	"errors"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

func TestADeletedQueueIsGoneWithItsMessages(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue := rabbit.Queue(t)
		s := session(t, broker.Config{URL: rabbit.URL(t)})
		err := s.Declare(t.Context(), broker.Topology{Queues: []broker.Queue{{Name: queue, Arguments: message.Headers{"x-queue-type": broker.Quorum}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.DeleteQueue(t.Context(), queue); err != nil {
			t.Fatal(err)
		}
		if _, err := s.State(t.Context(), queue); !errors.Is(err, broker.ErrNoQueue) {
			t.Errorf("got %v, want ErrNoQueue", err)
		}
		if n, err := s.DeleteQueue(t.Context(), queue); n != 0 || err != nil {
			t.Errorf("a queue that does not exist: got %d, %v, want 0, nil", n, err)
		}
	})
}
