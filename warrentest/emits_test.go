package warrentest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
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
