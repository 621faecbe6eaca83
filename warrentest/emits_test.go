package warrentest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

func TestEmittedReturnsWhatSuccessfulHandlersEmitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		pub := broker.NewPublisher(b.Config(), "")
		defer func() {
			if err := pub.Close(); err != nil {
				t.Error(err)
			}
		}()
		run := warrentest.Run(t, emailer(b, func(ctx context.Context, m *message.Message) error {
			if m.RoutingKey != "first" {
				return nil
			}
			if err := pub.Emit(ctx, "email", m.Attempt); err != nil {
				return err
			}
			if m.Attempt == 1 {
				return errBusy
			}
			return nil
		}))
		b.Publish("events", "first", 1, broker.WithMessageID("1"))
		b.WaitIdle()
		var bodies []string
		for _, m := range run.Emitted("email") {
			bodies = append(bodies, string(m.Body))
		}
		if !slices.Equal(bodies, []string{"2"}) || len(run.Emitted("email", "1")) != 1 || len(run.Emitted("email", "2")) != 0 {
			t.Errorf("emitted %q, want only what the second attempt emitted", bodies)
		}
	})
}

// TestTheTimeoutOfAHandlerIncludesTheConfirms: the broker takes nothing for five minutes.
func TestTheTimeoutOfAHandlerIncludesTheConfirms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		pub := broker.NewPublisher(b.Config(), "")
		defer func() {
			if err := pub.Close(); err != nil {
				t.Error(err)
			}
		}()
		run := warrentest.Run(t, emailer(b, func(ctx context.Context, m *message.Message) error {
			if m.RoutingKey == "first" && m.Attempt == 1 {
				b.Block("low on disk")
				time.AfterFunc(5*time.Minute, b.Unblock)
			}
			if m.RoutingKey != "first" {
				return nil
			}
			return pub.Emit(ctx, "email", m.Attempt)
		}, func(q *worker.Queue) { q.Timeout = time.Minute }))
		b.Publish("events", "first", 1, broker.WithMessageID("1"))
		b.WaitIdle()
		want := []warrentest.Outcome{{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonTimeout, Delay: time.Hour}, {Attempt: 2, Verdict: worker.Ack}}
		if got := run.Outcomes("email", "1"); !slices.Equal(got, want) {
			t.Errorf("the outcomes are %v, want %v", got, want)
		}
		if n := len(run.Emitted("email", "1")); n != 1 {
			t.Errorf("%d messages were emitted, want the one of the second attempt", n)
		}
	})
}
