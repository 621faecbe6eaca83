package worker_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestDelaysComeBackInTime publishes 500 messages with mixed delays at once to two queues,
// one of whose names ends with the other's. None is early, none comes to the wrong queue.
// How late they are is printed; package bench judges it.
func TestDelaysComeBackInTime(t *testing.T) {
	rabbit.Waits(t, "a delay of 12.8 seconds")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		other := b.queue
		other.Name = "welcome." + b.queue.Name
		t.Cleanup(func() { b.removeQueue(other.Name) })
		delays := []time.Duration{300 * time.Millisecond, 1700 * time.Millisecond, 4500 * time.Millisecond, 12800 * time.Millisecond}
		const messages = 500
		type arrival struct {
			m  message.Message
			at time.Time
		}
		arrived := make(chan arrival, 2*messages)
		h := handler.Func(func(_ context.Context, m *message.Message) error {
			arrived <- arrival{*m, time.Now()}
			return nil
		})
		b.runWith(func(w *worker.Worker) { w.Queue(other).Handle("#", h) }, map[string]handler.Handler{"#": h})
		pub := broker.NewPublisher(broker.Config{URL: b.url, Dial: rabbit.Dial}, "")
		items := make([]broker.Item, messages)
		sent := time.Now()
		for i := range items {
			items[i] = broker.Item{
				Key: []string{b.queue.Name, other.Name}[i%2], Body: i,
				Options: []broker.Option{broker.WithDelay(delays[i%4]), broker.WithMessageID(strconv.Itoa(i))},
			}
		}
		if err := errors.Join(pub.PublishBatch(t.Context(), items...), pub.Close()); err != nil {
			t.Fatal(err)
		}
		late := make(map[time.Duration][]time.Duration)
		for range messages {
			a := <-arrived
			i, err := strconv.Atoi(a.m.ID)
			if err != nil || a.m.Queue != items[i].Key || a.m.RoutingKey != items[i].Key {
				t.Errorf("message %s came to %s with key %s, want %s", a.m.ID, a.m.Queue, a.m.RoutingKey, items[i].Key)
			}
			d := delays[i%4]
			if a.at.Sub(sent) < d {
				t.Errorf("message %d came after %v, want %v or more", i, a.at.Sub(sent), d)
			}
			late[d] = append(late[d], a.at.Sub(sent)-d)
		}
		for _, d := range delays {
			t.Logf("%v: %d messages, at most %v late", d, len(late[d]), slices.Max(late[d]))
		}
	})
}

// removeQueue deletes a work queue and what was declared with it.
func (b *bench) removeQueue(name string) {
	b.t.Helper()
	ch := rabbit.Channel(b.t, b.pubURL)
	for _, q := range []string{name, topology.DeadLetterQueue(name), topology.ParkingQueue(name)} {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			b.t.Error(err)
		}
	}
}

// TestADelayedPublishFansOutLater: every queue that is bound by then gets the message once,
// with the exchange and the key it was published with.
func TestADelayedPublishFansOutLater(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		all := rabbit.Queue(t)
		if _, err := b.channel.QueueDeclare(all, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		defer b.removeQueue(all)
		var mu sync.Mutex
		var got []message.Message
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, *m)
			return nil
		}))
		if err := b.channel.QueueBind(all, "a.*", b.exchange, false, nil); err != nil {
			t.Fatal(err)
		}
		b.publish("a.1", 1, broker.WithDelay(300*time.Millisecond))
		if n := b.depth(all); n != 0 {
			t.Errorf("%d messages there at once, want none", n)
		}
		b.eventually("it arrives", func() bool { return b.depth(all) == 1 && len(b.settled()) == 1 })
		d, _, err := b.channel.Get(all, true)
		if err != nil || d.RoutingKey != "a.1" || d.Exchange != b.exchange {
			t.Errorf("the other queue got it from %q with key %q (%v), want the exchange and a.1", d.Exchange, d.RoutingKey, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(got) != 1 || got[0].RoutingKey != "a.1" || got[0].Exchange != b.exchange || got[0].Attempt != 1 {
			t.Errorf("the handler got %+v, want it once", got)
		}
	})
}

// TestAFullQueueHoldsUpNoOther: its messages wait for it, and come when there is room.
func TestAFullQueueHoldsUpNoOther(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		full := worker.Queue{Name: b.queue.Name + "-full", MaxLength: 1, Retry: quick}
		t.Cleanup(func() { b.removeQueue(full.Name) })
		var sub *worker.Subscription
		b.runWith(func(w *worker.Worker) {
			sub = w.Queue(full)
			sub.Handle("#", nothing)
			sub.Pause()
		}, map[string]handler.Handler{"#": nothing})
		pub := broker.NewPublisher(broker.Config{URL: b.url, Dial: rabbit.Dial}, "")
		for range 100 {
			if err := pub.Publish(t.Context(), full.Name, 1, broker.WithDelay(100*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if err := errors.Join(pub.Publish(t.Context(), b.queue.Name, 1, broker.WithDelay(200*time.Millisecond)), pub.Close()); err != nil {
			t.Fatal(err)
		}
		b.verdicts(1)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the other queue's message came after %v, want 200ms", took)
		}
		sub.Resume()
		b.verdicts(101)
	})
}

// TestWhatNoQueueTakesIsKept in the queue for messages without a destination.
func TestWhatNoQueueTakesIsKept(t *testing.T) {
	rabbit.Waits(t, "30 seconds until a target is given up on")
	withNode(t, func(t *testing.T, node rabbit.Node) {
		b := newBenchAt(t, node.URL())
		b.runMux(map[string]handler.Handler{"wanted": nothing})
		b.publish("unwanted", 1, broker.WithDelay(100*time.Millisecond), broker.WithMessageID("stray"))
		b.publish("wanted", 1, broker.WithDelay(200*time.Millisecond))
		b.verdicts(1)
		var d amqp.Delivery
		b.eventually("it is kept", func() bool {
			if !exists(t, b.url, topology.UnroutedQueue) || b.depth(topology.UnroutedQueue) == 0 {
				return false
			}
			got, ok, err := b.channel.Get(topology.UnroutedQueue, true)
			if err != nil {
				t.Fatal(err)
			}
			d = got
			return ok
		})
		h := message.Headers(d.Headers)
		if d.MessageId != "stray" || h.String(record.HeaderReason) != message.ReasonUnrouted || !strings.Contains(h.String(record.HeaderError), "unwanted") {
			t.Errorf("%s was kept with %v, want the stray with the reason and its key", d.MessageId, h)
		}
	})
}

// TestTheLadderOfAnEarlierVersionIsTakenBack: its queues and bindings stay on the broker.
func TestTheLadderOfAnEarlierVersionIsTakenBack(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		b := newBenchAt(t, node.URL())
		r := b.run(nothing)
		key := strings.Repeat("*.", 23) + b.queue.Name
		level := amqp.Table{"x-queue-type": "quorum", "x-message-ttl": int32(100), "x-dead-letter-exchange": "warren.delay.out", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
		_, err := b.channel.QueueDeclare("warren.delay.00", true, false, false, false, level)
		if err := errors.Join(err,
			b.channel.ExchangeDeclare("warren.delay.out", "topic", true, false, false, false, nil),
			b.channel.QueueBind(b.queue.Name, key, "warren.delay.out", false, nil),
		); err != nil {
			t.Fatal(err)
		}
		if err := r.finish(); err != nil {
			t.Fatal(err)
		}
		attempts := make(chan int, 1)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error { attempts <- m.Attempt; return nil }))
		err = b.channel.ExchangeDeclare("warren.delay.00", "topic", true, false, false, false, nil)
		if err := errors.Join(err, b.channel.QueueBind("warren.delay.00", "#", "warren.delay.00", false, nil),
			b.channel.PublishWithContext(t.Context(), "warren.delay.00", strings.Repeat("0.", 22)+"1."+b.queue.Name, true, false, amqp.Publishing{
				DeliveryMode: amqp.Persistent,
				Headers: amqp.Table{
					record.HeaderQueue: b.queue.Name, record.HeaderExchange: b.exchange, record.HeaderRoutingKey: "key",
					record.HeaderRetryCount: int64(1), record.HeaderAttempt: int64(1),
				},
			})); err != nil {
			t.Fatal(err)
		}
		if n := <-attempts; n != 2 {
			t.Errorf("it is in attempt %d, want 2", n)
		}
	})
}

// TestAFarDelayGoesThroughLevels and comes in time, in virtual time.
func TestAFarDelayGoesThroughLevels(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		for _, d := range []time.Duration{72 * time.Second, 3 * time.Hour, 30 * time.Hour} {
			t.Run(version+" "+d.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { delayFar(t, version, d) })
			})
		}
	}
}

func delayFar(t *testing.T, version string, d time.Duration) {
	t.Helper()
	dev, err := devbroker.Pipe(devbroker.Config{Version: version, Heartbeat: -1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: 24 * time.Hour}
	w := worker.New(worker.Config{Broker: cfg})
	came := make(chan time.Time, 2)
	w.Queue(worker.Queue{Name: "q", Exchange: "events"}).Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
		came <- time.Now()
		if len(m.Headers) > 3 { // warren-exchange, warren-routing-key, warren-published-at
			t.Errorf("it came with the headers %v, want none of the broker's", m.Headers)
		}
		return nil
	}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-w.Ready()
	pub := broker.NewPublisher(cfg, "events")
	due := time.Now().Add(d)
	if err := pub.Publish(ctx, "key", 1, broker.WithDelay(d)); err != nil {
		t.Error(err)
	}
	if late := (<-came).Sub(due); late < 0 || late > time.Second {
		t.Errorf("it came %v late, want 0 to 1s", late)
	}
	stop()
	if err := errors.Join(<-done, pub.Close(), dev.Close()); err != nil {
		t.Error(err)
	}
}
