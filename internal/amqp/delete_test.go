package amqp_test

import (
	"errors"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

func TestADeletedQueueIsGoneWithItsMessages(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue := rabbit.Queue(t)
		s := session(t, amqp.Config{URL: rabbit.URL(t)})
		err := s.Declare(t.Context(), topology.Topology{Queues: []topology.Queue{{Name: queue, Arguments: message.Headers{"x-queue-type": topology.Quorum}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.DeleteQueue(t.Context(), queue); err != nil {
			t.Fatal(err)
		}
		if _, err := s.State(t.Context(), queue); !errors.Is(err, amqp.ErrNoQueue) {
			t.Errorf("got %v, want ErrNoQueue", err)
		}
		if n, err := s.DeleteQueue(t.Context(), queue); n != 0 || err != nil {
			t.Errorf("a queue that does not exist: got %d, %v, want 0, nil", n, err)
		}
	})
}

// TestAQueueInUseIsNotDeleted: one with messages or consumers stays, of either type.
func TestAQueueInUseIsNotDeleted(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string]message.Headers{
		"quorum":                               {"x-queue-type": topology.Quorum},
		"quorum with a single active consumer": {"x-queue-type": topology.Quorum, "x-single-active-consumer": true},
		"classic":                              {"x-queue-type": topology.Classic},
	} {
		t.Run(name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				q := topology.Queue{Name: rabbit.Queue(t), Arguments: arguments}
				url := rabbit.URL(t)
				s, ch := session(t, amqp.Config{URL: url}), rabbit.Channel(t, url)
				if err := s.Declare(t.Context(), topology.Topology{Queues: []topology.Queue{q}}); err != nil {
					t.Fatal(err)
				}
				inUse := func(want amqp.QueueState) {
					t.Helper()
					rabbit.Eventually(t, 10*time.Second, func() bool { got, err := s.State(t.Context(), q.Name); return err == nil && got == want }, "the state is known")
					_, err := s.DeleteUnusedQueue(t.Context(), q)
					if e, ok := errors.AsType[*amqp.QueueInUseError](err); !ok || e.State != want {
						t.Errorf("got %v, want a QueueInUseError with %+v", err, want)
					}
				}
				if err := ch.PublishWithContext(t.Context(), "", q.Name, false, false, amqp091.Publishing{}); err != nil {
					t.Fatal(err)
				}
				inUse(amqp.QueueState{Messages: 1})
				if _, err := ch.QueuePurge(q.Name, false); err != nil {
					t.Fatal(err)
				}
				if _, err := ch.Consume(q.Name, "c", true, false, false, false, nil); err != nil {
					t.Fatal(err)
				}
				inUse(amqp.QueueState{Consumers: 1})
				if err := ch.Cancel("c", false); err != nil {
					t.Fatal(err)
				}
				rabbit.Eventually(t, 10*time.Second, func() bool { got, err := s.State(t.Context(), q.Name); return err == nil && got == amqp.QueueState{} }, "it is unused")
				if n, err := s.DeleteUnusedQueue(t.Context(), q); n != 0 || err != nil {
					t.Errorf("got %d and %v, want it deleted", n, err)
				}
				if _, err := s.State(t.Context(), q.Name); !errors.Is(err, amqp.ErrNoQueue) {
					t.Errorf("got %v, want ErrNoQueue", err)
				}
				if _, err := s.DeleteUnusedQueue(t.Context(), q); err != nil {
					t.Errorf("a queue that does not exist: %v", err)
				}
			})
		})
	}
}

// TestAQueueWithoutALeaderIsNotDeleted although the broker reports it as empty then.
func TestAQueueWithoutALeaderIsNotDeleted(t *testing.T) {
	t.Parallel()
	b, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	q := topology.Queue{Name: "q", Arguments: message.Headers{"x-queue-type": topology.Quorum}}
	s, ch := session(t, amqp.Config{URL: b.URL()}), rabbit.Channel(t, b.URL())
	if err := s.Declare(t.Context(), topology.Topology{Queues: []topology.Queue{q}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ch.Confirm(false), ch.PublishWithContext(t.Context(), "", "q", false, false, amqp091.Publishing{})); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, 10*time.Second, func() bool { return rabbit.Depth(t, ch, "q") == 1 }, "the message is in the queue")
	b.Depose("q")
	if _, err := s.DeleteUnusedQueue(t.Context(), q); amqp.Code(err) != amqp091.InternalError {
		t.Errorf("without a leader: got %v, want that the read fails", err)
	}
	b.Elect("q")
	if n := rabbit.Depth(t, ch, "q"); n != 1 {
		t.Errorf("%d messages are left, want 1", n)
	}
}

// TestUnboundQueuesReceiveNoMessage: a binding is found by its arguments too, and one that
// does not exist is no error.
func TestUnboundQueuesReceiveNoMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		queue, url := rabbit.Queue(t), rabbit.URL(t)
		s, ch := session(t, amqp.Config{URL: url}), rabbit.Channel(t, url)
		x, to := queue+"-headers", queue+"-to"
		t.Cleanup(func() {
			for _, name := range []string{x, to} {
				if err := ch.ExchangeDelete(name, false, false); err != nil {
					t.Error(err)
				}
			}
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
				t.Error(err)
			}
		})
		all := []topology.Binding{
			{Exchange: x, Queue: queue, Arguments: message.Headers{"x-match": "all", "a": "b"}},
			{Exchange: x, Queue: queue, Key: "k", Arguments: message.Headers{"x-match": "any", "a": "b"}},
			{Exchange: x, ToExchange: to, Arguments: message.Headers{"x-match": "all", "a": "b"}},
			{Exchange: to, Key: "k", Queue: queue},
		}
		err := s.Declare(t.Context(), topology.Topology{
			Exchanges: []topology.Exchange{{Name: x, Kind: "headers"}, {Name: to, Kind: "fanout"}},
			Queues:    []topology.Queue{{Name: queue, Arguments: message.Headers{"x-queue-type": topology.Quorum}}}, Bindings: all,
		})
		if err != nil {
			t.Fatal(err)
		}
		taken := func(ch *amqp091.Channel) bool {
			t.Helper()
			returns, confirms := ch.NotifyReturn(make(chan amqp091.Return, 1)), ch.NotifyPublish(make(chan amqp091.Confirmation, 1))
			if err := errors.Join(ch.Confirm(false), ch.PublishWithContext(t.Context(), x, "k", true, false, amqp091.Publishing{Headers: amqp091.Table{"a": "b"}})); err != nil {
				t.Fatal(err)
			}
			<-confirms
			select {
			case <-returns:
				return false
			default:
				return true
			}
		}
		if !taken(ch) {
			t.Fatal("no queue took the message before")
		}
		if err := s.Unbind(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
		if taken(rabbit.Channel(t, url)) {
			t.Error("a queue took the message though it was unbound")
		}
		if err := s.Unbind(t.Context(), append(all, topology.Binding{Exchange: "none-" + x, Queue: "none-" + queue})...); err != nil {
			t.Errorf("bindings that do not exist: %v", err)
		}
	})
}
