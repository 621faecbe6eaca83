package app_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/welcome"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	waiting = 9000
	bound   = 8 + 8 // the prefetch and the concurrency of the welcome queue
)

// running runs the welcome worker, with its queue paused, until the test ends.
func running(t *testing.T, c *catcher.Catcher) (a *app.App, queue string) {
	t.Helper()
	prefix := rabbit.Queue(t) + "."
	a, err := app.New(t.Context(), app.Config{
		Broker: broker.Config{URL: rabbit.URL(t)}, Data: t.TempDir(), SMTP: c.URL(), Secret: []byte("s"), Site: "http://test",
		Prefix: prefix, Logger: slog.New(slog.DiscardHandler),
	}, app.Welcome)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, nil, nil) }()
	ch := rabbit.Channel(t, rabbit.URL(t))
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-done, a.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, name := range []string{prefix + app.WelcomeQueue, topology.DeadLetterQueue(prefix + app.WelcomeQueue), topology.ParkingQueue(prefix + app.WelcomeQueue)} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				t.Error(err)
			}
		}
		if err := ch.ExchangeDelete(prefix+event.Exchange, false, false); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-a.Worker().Ready():
	case <-time.After(time.Minute):
		t.Fatal("the worker is not ready")
	}
	a.Subscription(app.WelcomeQueue).Pause()
	rabbit.Eventually(t, time.Minute, func() bool { return a.Worker().Health().Queues[0].State == worker.StatePaused }, "the queue is paused")
	return a, prefix + app.WelcomeQueue
}

func TestAPasswordResetOvertakesThousandsOfWelcomeMails(t *testing.T) {
	t.Parallel()
	c, err := catcher.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	var place atomic.Int64
	c.OnMail(func(m catcher.Mail) {
		if m.Kind == welcome.ResetKind {
			place.Store(int64(m.Number))
		}
	})
	a, queue := running(t, c)
	items := make([]broker.Item, waiting)
	for i := range items {
		items[i] = broker.Item{Key: event.SignedUpKey, Body: event.SignedUp{AccountID: "1", Email: "routine@example.com", Name: "R"}}
	}
	if err := a.Publisher().PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	if n := rabbit.Depth(t, rabbit.Channel(t, rabbit.URL(t)), queue); n != waiting {
		t.Fatalf("%d welcome mails are ready, want %d", n, waiting)
	}
	a.Subscription(app.WelcomeQueue).Resume()
	rabbit.Eventually(t, time.Minute, func() bool { return c.State().Accepted > 100 }, "mails go out")

	urgent := event.PasswordReset{ID: "1", AccountID: "1", Email: "urgent@example.com", At: time.Now()}
	if err := a.Publisher().Publish(t.Context(), event.PasswordResetKey, urgent, broker.WithPriority(10)); err != nil {
		t.Fatal(err)
	}
	sent := c.State().Accepted
	rabbit.Eventually(t, time.Minute, func() bool { return place.Load() > 0 }, "the password reset arrives")
	position := place.Load() - sent
	t.Logf("with %d welcome mails waiting, the password reset was delivered as mail %d after its publish was confirmed", waiting-sent, max(position, 0))
	if position > bound {
		t.Errorf("%d mails were delivered before it, want at most %d (prefetch plus concurrency)", position, bound)
	}
}
