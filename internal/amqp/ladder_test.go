package amqp_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// TestDelaysComeBackInTime sends 500 messages with mixed delays at once to two
// queues, one of whose names ends with the other's. None is early, none is held up
// by a longer one, none is misrouted. How late they are is printed; package bench
// judges it.
func TestDelaysComeBackInTime(t *testing.T) {
	rabbit.Waits(t, "a delay of 12.8 seconds")
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		short := workQueue(t, url)
		long := short
		long.Name = "welcome." + short.Name
		delays := []time.Duration{300 * time.Millisecond, 1700 * time.Millisecond, 4500 * time.Millisecond, 12800 * time.Millisecond}
		s := session(t, amqp.Config{URL: url})
		if err := s.Declare(t.Context(), topology.Ladder().Merge(short.Topology(), long.Topology())); err != nil {
			t.Fatal(err)
		}
		ch := rabbit.Channel(t, url)
		defer removeQueues(t, ch, long.Name, topology.DeadLetterQueue(long.Name), "warren.delay.for."+short.Name, "warren.delay.for."+long.Name)
		arrived := make(chan arrival, 1000)
		for _, q := range []string{short.Name, long.Name} {
			collect(t, ch, q, arrived)
		}

		p := publisher(t, amqp.Config{URL: url}, "")
		const messages = 500
		items := make([]broker.Item, messages)
		sent := time.Now()
		for i := range items {
			q := short.Name
			if i%2 == 1 {
				q = long.Name
			}
			items[i] = broker.Item{Key: q, Body: i, Options: []broker.Option{broker.WithDelay(delays[i%4]), broker.WithMessageID(strconv.Itoa(i)), broker.WithHeader("for", q)}}
		}
		if err := p.PublishBatch(t.Context(), items...); err != nil {
			t.Fatal(err)
		}
		confirmed := time.Since(sent)
		late := make(map[time.Duration][]time.Duration)
		for range messages {
			a := <-arrived
			d := delays[a.number%4]
			if a.queue != a.meant {
				t.Errorf("message %d for %s came to %s", a.number, a.meant, a.queue)
			}
			if took := a.at.Sub(sent); took < d {
				t.Errorf("message %d came after %v, want %v or more", a.number, took, d)
			}
			late[d] = append(late[d], a.at.Sub(sent)-d)
		}
		for _, d := range delays {
			slices.Sort(late[d])
			t.Logf("%v: %d messages, at most %v late (the last was confirmed after %v)", d, len(late[d]), late[d][len(late[d])-1], confirmed)
		}
	})
}

type arrival struct {
	number       int
	queue, meant string
	at           time.Time
}

func collect(t *testing.T, ch *amqp091.Channel, queue string, into chan<- arrival) {
	t.Helper()
	deliveries, err := ch.Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for d := range deliveries {
			n, err := strconv.Atoi(d.MessageId)
			if err != nil {
				n = -1
			}
			into <- arrival{n, queue, fmt.Sprint(d.Headers["for"]), time.Now()}
		}
	}()
}

func removeQueues(t *testing.T, ch *amqp091.Channel, queues ...string) {
	t.Helper()
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			t.Error(err)
		}
	}
}

// TestDelayedPublishFansOutLater sends through the ladder to an exchange: every
// bound queue gets it once, and the key is the one it was published with.
func TestDelayedPublishFansOutLater(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, queue, ch := exchangeWithQueue(t, url, nil)
		all := rabbit.Queue(t)
		if _, err := ch.QueueDeclare(all, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		defer removeQueues(t, ch, all, "warren.delay.to."+exchange)
		if err := ch.QueueBind(all, "#", exchange, false, nil); err != nil {
			t.Fatal(err)
		}
		p := publisher(t, amqp.Config{URL: url}, exchange)
		if err := p.Publish(t.Context(), "in", 1, broker.WithDelay(200*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n := rabbit.Depth(t, ch, queue); n != 0 {
			t.Errorf("%d messages there at once, want none", n)
		}
		for _, q := range []string{queue, all} {
			rabbit.Eventually(t, 10*time.Second, func() bool { return rabbit.Depth(t, ch, q) > 0 }, "it arrives in "+q)
			d, _, err := ch.Get(q, true)
			if err != nil {
				t.Fatal(err)
			}
			if key := message.Headers(d.Headers).String(record.HeaderRoutingKey); key != "in" {
				t.Errorf("routing key %q, want in", key)
			}
			if n := rabbit.Depth(t, ch, q); n != 0 {
				t.Errorf("%d more messages in %s", n, q)
			}
		}
	})
}

// TestLadderIsNotStopped sends 100 delayed messages to a work queue that does not
// take them. Those to another queue come all the same, and none is lost.
func TestLadderIsNotStopped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*topology.WorkQueue)
		spoil  func(t *testing.T, s *amqp.Sender, ch *amqp091.Channel, queue string)
		kept   func(queue string) string // where the messages are then; not looked at if nil
	}{
		{
			"by a queue that was deleted", func(*topology.WorkQueue) {},
			func(t *testing.T, _ *amqp.Sender, ch *amqp091.Channel, queue string) { removeQueues(t, ch, queue) },
			func(string) string { return topology.UnroutedQueue },
		},
		{
			"by a queue that is full", func(q *topology.WorkQueue) { q.MaxLength = 1 },
			func(t *testing.T, s *amqp.Sender, _ *amqp091.Channel, queue string) { fillUp(t, s, queue) }, nil,
		},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			url := rabbit.URL(t)
			other, broken := workQueue(t, url), topology.WorkQueue{Name: rabbit.Queue(t) + "-broken"}
			tt.change(&broken)
			s := sender(t, amqp.Config{URL: url})
			wanted := broken.Topology()
			if err := s.Declare(t.Context(), topology.Ladder().Merge(other.Topology(), wanted)); err != nil {
				t.Fatal(err)
			}
			ch := rabbit.Channel(t, url)
			tt.spoil(t, s, ch, broken.Name)
			for range 100 {
				if err := s.Delay(t.Context(), broken.Name, time.Second, &message.Message{Body: []byte("stray")}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Delay(t.Context(), other.Name, 1100*time.Millisecond, &message.Message{}); err != nil {
				t.Fatal(err)
			}
			rabbit.Eventually(t, 20*time.Second, func() bool { return rabbit.Depth(t, ch, other.Name) == 1 }, "the other queue's message arrives")
			if tt.kept != nil {
				rabbit.Eventually(t, 20*time.Second, func() bool { return rabbit.Depth(t, ch, tt.kept(broken.Name)) >= 100 }, "the strays are kept")
			}
			for _, q := range wanted.Queues {
				removeQueues(t, ch, q.Name)
			}
		})
	}
}

// fillUp publishes to the queue until it refuses.
func fillUp(t *testing.T, s *amqp.Sender, queue string) {
	t.Helper()
	for range 100 {
		if err := s.Send(t.Context(), "", queue, &message.Message{}); err != nil {
			return
		}
	}
	t.Fatal("the queue never refused")
}

func sender(t *testing.T, cfg amqp.Config) *amqp.Sender {
	t.Helper()
	s := amqp.NewSender(reaching(cfg), "test", nil)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}
