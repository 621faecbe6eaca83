package warrentest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

func done(context.Context, *message.Message) error { return nil }

// TestBrokerOnEitherClock also fails if a goroutine outlives the bubble, which synctest
// checks.
func TestBrokerOnEitherClock(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, done))
		b.Publish("events", "user.signed_up", SignedUp{"alice@example.com"})
		b.Publish("", "email", "by the queue's name")
		b.WaitIdle()
		want := []warrentest.Outcome{{Attempt: 1}, {Attempt: 1}}
		if got := run.Outcomes("email"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	t.Run("the real one", func(t *testing.T) {
		t.Parallel()
		test(t)
	})
	t.Run("a bubble's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

func TestBrokerEndsWithTheTest(t *testing.T) {
	t.Parallel()
	var b *warrentest.Broker
	t.Run("a test", func(t *testing.T) {
		b = warrentest.NewBroker(t)
	})
	if _, err := b.Config().Dial(t.Context(), "tcp", "anywhere"); !errors.Is(err, devbroker.ErrClosed) {
		t.Errorf("dialing gives %v, want %v", err, devbroker.ErrClosed)
	}
}

func TestNewBrokerAppliesItsChanges(t *testing.T) {
	t.Parallel()
	b := warrentest.NewBroker(t,
		func(c *devbroker.Config) { c.Version = "3.10" },
		func(c *devbroker.Config) { c.VHosts = []string{"tenant", "/"} })
	run := warrentest.Run(t, emailer(b, done))
	b.Publish("events", "key", "body")
	b.WaitIdle()
	up, ok := run.Events()[0].(worker.SessionUp)
	if !ok || up.Version[:4] != "3.10" {
		t.Errorf("the first event is %+v, want a session with 3.10", run.Events()[0])
	}
	if i := slices.IndexFunc(b.Queues(), func(q devbroker.QueueInfo) bool { return q.Name == "email" }); i < 0 || b.Queues()[i].VHost != "tenant" {
		t.Errorf("the queues are %v, want email in the first virtual host", b.Queues())
	}
	if got := b.Waiting("email"); len(got) != 0 {
		t.Errorf("%v wait, want none", got)
	}
}

func TestBrokerFailsTheTest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		test func(tb testing.TB)
		want []string
	}{
		{"if it cannot start", func(tb testing.TB) {
			warrentest.NewBroker(tb, func(c *devbroker.Config) { c.Version = "2.0" })
			tb.Errorf("the test went on")
		}, []string{"warrentest: devbroker: ", "2.0"}},
		{"if no queue takes what is published", func(tb testing.TB) {
			warrentest.NewBroker(tb).Publish("events", "key", "body")
			tb.Errorf("the test went on")
		}, []string{"warrentest: ", broker.ErrUnroutable.Error(), "events"}},
		{"if the queue does not exist", func(tb testing.TB) {
			warrentest.NewBroker(tb).Waiting("welcome-emial")
		}, []string{`warrentest: queue "welcome-emial" does not exist on the broker`}},
		{"if the dead-letter queue does not exist", func(tb testing.TB) {
			warrentest.NewBroker(tb).DeadLetters("welcome-emial")
		}, []string{`warrentest: queue "welcome-emial.dlq" does not exist on the broker`}},
		{"if it is to be idle without a worker", func(tb testing.TB) {
			warrentest.NewBroker(tb).WaitIdle()
			tb.Errorf("the test went on")
		}, []string{"warrentest: no worker"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFailure(t, tt.test, tt.want...)
		})
	}
}

// TestBrokersConfigIsForPublishersToo, and for options of messages.
func TestBrokersConfigIsForPublishersToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		var ids []string
		run := warrentest.Run(t, emailer(b, func(_ context.Context, m *message.Message) error {
			ids = append(ids, m.ID)
			return nil
		}))
		pub := broker.NewPublisher(b.Config(), "events")
		defer func() {
			if err := pub.Close(); err != nil {
				t.Error(err)
			}
		}()
		start := time.Now()
		b.Publish("events", "key", 1, broker.WithMessageID("later"), broker.WithDelay(8*24*time.Hour))
		if err := pub.Publish(t.Context(), "key", 2, broker.WithMessageID("sooner")); err != nil {
			t.Fatal(err)
		}
		b.WaitIdle()
		if took := time.Since(start); took < 8*24*time.Hour || !slices.Equal(ids, []string{"sooner", "later"}) {
			t.Errorf("%v were handled after %v, want the later one after eight days", ids, took)
		}
		if n := len(run.Outcomes("email")); n != 2 {
			t.Errorf("%d outcomes, want 2", n)
		}
	})
}
