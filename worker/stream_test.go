package worker_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// stream makes the queue of b a stream that is consumed from its first message on.
func (b *bench) stream() {
	b.t.Helper()
	rabbit.NeedsStreams(b.t)
	b.queue.Type, b.queue.ConsumerArguments = topology.Stream, message.Headers{"x-stream-offset": "first"}
}

// handledIDs counts how often each message was handled.
type handledIDs struct {
	mu sync.Mutex
	n  map[string]int
}

func (h *handledIDs) add(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == nil {
		h.n = make(map[string]int)
	}
	h.n[id]++
}

func (h *handledIDs) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.n)
}

// TestAPausedStreamSkipsNoMessage: two messages wait in the lane of a slow one, while messages
// behind them are handled.
func TestAPausedStreamSkipsNoMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stream()
		b.queue.Concurrency, b.queue.Prefetch = 8, 32
		b.queue.OrderBy = func(m *message.Message) string { return m.Headers.String("key") }
		var handled handledIDs
		entered, leave := make(chan struct{}, 2), make(chan struct{})
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.ID == "0" {
				entered <- struct{}{}
				<-leave
			}
			handled.add(m.ID)
			return nil
		}))
		const messages = 24 // of which some have other lanes than the first
		for i := range messages {
			key := "slow"
			if i > 2 {
				key = strconv.Itoa(i)
			}
			b.publish("key", i, broker.WithMessageID(strconv.Itoa(i)), broker.WithHeader("key", key))
		}
		<-entered
		b.eventually("messages behind are handled", func() bool { return handled.len() > 2 })
		r.sub.Pause()
		b.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
		close(leave)
		b.eventually("the slow one is settled", func() bool {
			for _, s := range b.settled() {
				if s.Message.ID == "0" {
					return true
				}
			}
			return false
		})
		r.sub.Resume()
		b.eventually("all are handled", func() bool { return handled.len() == messages })
	})
}

// burst publishes n messages to the stream without waiting for the broker in between, so that
// they share a few chunks. RabbitMQ 3.10 delivers whole chunks, also beyond the prefetch.
func (b *bench) burst(n int) {
	b.t.Helper()
	if err := b.channel.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	var last *amqp.DeferredConfirmation
	for i := range n {
		var err error
		m := amqp.Publishing{MessageId: strconv.Itoa(i)}
		if last, err = b.channel.PublishWithDeferredConfirm("", b.queue.Name, false, false, m); err != nil {
			b.t.Fatal(err)
		}
	}
	if ok, err := last.WaitContext(b.t.Context()); err != nil || !ok {
		b.t.Fatalf("the burst is confirmed: %v, %v", ok, err)
	}
}

// TestAStreamIsPausedWhileMoreMessagesHaveArrivedThanThePrefetch.
func TestAStreamIsPausedWhileMoreMessagesHaveArrivedThanThePrefetch(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stream()
		b.queue.Concurrency = 1
		var handled handledIDs
		leave := make(chan struct{})
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			handled.add(m.ID)
			<-leave
			return nil
		}))
		const messages = 500
		b.burst(messages)
		b.eventually("a handler has begun", func() bool { return handled.len() > 0 })
		r.sub.Pause()
		close(leave)
		b.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
		r.sub.Resume()
		b.eventually("all are handled", func() bool { return handled.len() == messages })
	})
}

// TestARetryInAStreamIsHandledWhileMoreMessagesHaveArrivedThanThePrefetch: it is due while they
// wait for the only goroutine.
func TestARetryInAStreamIsHandledWhileMoreMessagesHaveArrivedThanThePrefetch(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stream()
		b.queue.Concurrency, b.queue.Retry.InitialInterval = 1, time.Second
		var handled handledIDs
		failed, leave, again := make(chan struct{}), make(chan struct{}), make(chan int, 1)
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			switch {
			case m.ID == "0" && m.Attempt == 1:
				close(failed)
				return errBoom
			case m.ID == "0":
				again <- m.Attempt
			case m.ID == "1":
				<-leave
			}
			handled.add(m.ID)
			return nil
		}))
		const messages = 500
		b.burst(messages)
		<-failed
		b.eventually("the retry waits", func() bool { return r.sub.Health().Held == 1 })
		b.eventually("the retry is due", func() bool { return r.sub.Health().Held == 0 })
		close(leave)
		b.eventually("all are handled", func() bool { return handled.len() == messages })
		if attempt := <-again; attempt != 2 {
			t.Errorf("the retry is attempt %d, want 2", attempt)
		}
	})
}

// TestAStreamSkipsNoMessageBeforeItsFirst: a consumer that has received nothing is replaced, and
// messages are published meanwhile.
func TestAStreamSkipsNoMessageBeforeItsFirst(t *testing.T) {
	for name, arguments := range map[string]message.Headers{
		"without an offset": nil,
		"from next":         {"x-stream-offset": "next"},
		"from last":         {"x-stream-offset": "last"},
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			b.stream()
			b.queue.ConsumerArguments = arguments
			var handled handledIDs
			r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				handled.add(m.ID)
				return nil
			}))
			r.sub.Pause()
			b.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
			const messages = 3
			for i := range messages {
				b.publish("key", i, broker.WithMessageID(strconv.Itoa(i)))
			}
			r.sub.Resume()
			b.eventually("all are handled", func() bool { return handled.len() == messages })
		})
	}
}

// TestAHandlerOfAStreamIsToldOfTheStopBeforeTheGraceEnds.
func TestAHandlerOfAStreamIsToldOfTheStopBeforeTheGraceEnds(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stream()
		entered, left := make(chan struct{}), make(chan error, 1)
		r := b.run(handler.Func(func(ctx context.Context, _ *message.Message) error {
			close(entered)
			<-handler.Stopping(ctx)
			left <- context.Cause(ctx)
			return nil
		}), func(c *worker.Config) { c.Grace = 5 * time.Second })
		b.publish("key", 1)
		<-entered
		b.eventually("the broker counts the message", func() bool { return b.depth(b.queue.Name) > 0 }) // a stream keeps it
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		if err := <-left; err != nil {
			t.Errorf("the handler's context had ended: %v", err)
		}
	})
}
