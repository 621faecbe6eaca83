package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestACopyThatCannotBeWrittenFreesItsGoroutine: a handler that spoils the headers gets
// its message dead-lettered by the broker, and the next message its turn.
func TestACopyThatCannotBeWrittenFreesItsGoroutine(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			m.Headers["seen"] = uint64(1) // AMQP has no such type
			return errBoom
		}))
		b.publish("key", 1, broker.WithHeader("h", "v"))
		if got := b.verdicts(1); got[0] != worker.DeadLetter {
			t.Errorf("verdict %v, want dead-letter", got[0])
		}
		if d := b.deadLetter(); d.Headers["x-first-death-reason"] != "rejected" {
			t.Errorf("headers %v, want the broker's own record", d.Headers)
		}
	})
}

// TestAQueueWithoutAnExchangeNeedsAHandlerForItsName: nothing else reaches it.
func TestAQueueWithoutAnExchangeNeedsAHandlerForItsName(t *testing.T) {
	t.Parallel()
	w := worker.New(worker.Config{})
	q := w.Queue(worker.Queue{Name: "lonely"})
	q.Handle("user.signed_up", handler.Func(func(context.Context, *message.Message) error { return nil }))
	err := w.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `queue "lonely" has no Exchange`) {
		t.Errorf("Run returned %v, want the missing exchange", err)
	}
}

// TestStopDuringTheStartSparesHandlersInHand: the other queues are still being
// opened, on the session that a handler in hand will settle on.
func TestStopDuringTheStartSparesHandlersInHand(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		first := b.run(handler.Func(func(context.Context, *message.Message) error { return nil })) // declares
		if err := first.finish(); err != nil {
			t.Fatal(err)
		}
		b.publish("key", 1)
		w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)})
		w.Watch(b.record)
		entered, leave := make(chan struct{}), make(chan struct{})
		w.Queue(b.queue).Handle("#", handler.Func(func(context.Context, *message.Message) error {
			close(entered)
			<-leave
			return nil
		}))
		others := make([]string, 30)
		for i := range others {
			others[i] = rabbit.Queue(t)
			w.Queue(worker.Queue{Name: others[i]}).Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		<-entered
		stop()
		b.eventually("it drains", func() bool { return w.Health().Queues[0].State == worker.StateDraining })
		close(leave)
		if err := <-done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if s := b.settled(); len(s) != 1 || s[0].SettleErr != nil {
			t.Errorf("settled %+v, want one ack that was told", s)
		}
		b.eventually("nothing is left", func() bool { return b.depth(b.queue.Name) == 0 })
		ch := rabbit.Channel(t, b.url)
		for _, name := range others {
			for _, q := range []string{name, topology.DeadLetterQueue(name), topology.ParkingQueue(name)} {
				if _, err := ch.QueueDelete(q, false, false, false); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
