package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestWorkersShareConnections runs two workers over one pair of connections. One of them
// stops, and the other goes on.
func TestWorkersShareConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := devbroker.Pipe(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		cfg := broker.Config{URL: b.URL(), Dial: b.DialContext}
		var opened atomic.Int32
		shared := worker.NewConnections(cfg, func(e worker.Event) {
			if _, ok := e.(worker.SessionUp); ok {
				opened.Add(1)
			}
		})
		hangUp := inBackground(t, shared.Run)
		handled := make(chan string, 2)
		stopFirst := inBackground(t, sharing(shared, "first", handled).Run)
		stopSecond := inBackground(t, sharing(shared, "second", handled).Run)
		synctest.Wait()
		if n := opened.Load(); n != 2 {
			t.Errorf("%d connections were opened, want 2", n)
		}
		stopFirst()
		pub := broker.NewPublisher(cfg, "events")
		if err := pub.Publish(t.Context(), "key", "hello"); err != nil {
			t.Error(err)
		}
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
		if queue := <-handled; queue != "second" {
			t.Errorf("handled by %s, want second: the other has stopped", queue)
		}
		stopSecond()
		hangUp()
	})
}

// TestSharedConnectionsThatAreRefused ends all who wait for them.
func TestSharedConnectionsThatAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, err := devbroker.Pipe(devbroker.Config{Users: []devbroker.User{{Name: "other", Password: "secret"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		shared := worker.NewConnections(broker.Config{URL: "amqp://guest:wrong@localhost/", Dial: b.DialContext}, nil)
		if err := shared.Run(t.Context()); !errors.Is(err, broker.ErrRefused) {
			t.Errorf("Connections: got %v, want ErrRefused", err)
		}
		if err := sharing(shared, "q", nil).Run(t.Context()); !errors.Is(err, broker.ErrRefused) && !errors.Is(err, broker.ErrClosed) {
			t.Errorf("Worker: got %v, want ErrRefused, or ErrClosed of the connection that was given up for the other", err)
		}
	})
}

// sharing is a worker that says the name of its queue for each message.
func sharing(c *worker.Connections, queue string, handled chan<- string) *worker.Worker {
	w := worker.New(worker.Config{Connections: c})
	w.Queue(worker.Queue{Name: queue, Exchange: "events"}).Handle("key", handler.Func(func(context.Context, *message.Message) error {
		handled <- queue
		return nil
	}))
	return w
}

// inBackground runs run; the function that it returns stops it and waits for it.
func inBackground(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
