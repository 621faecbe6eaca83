package worker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestAnUndecodableMessageWhoseDeliveryIsLostIsNotHandedOff: the connection is lost while
// the chain runs. The broker delivers the message again, and no event says that a copy
// could not be published, since none was.
func TestAnUndecodableMessageWhoseDeliveryIsLostIsNotHandedOff(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		undecoded := make(chan struct{}, 2)
		b.queue.Middleware = []handler.Middleware{func(next handler.Handler) handler.Handler {
			return handler.Func(func(ctx context.Context, m *message.Message) error {
				err := next.Handle(ctx, m)
				undecoded <- struct{}{}
				if !m.Redelivered {
					<-ctx.Done()
				}
				return err
			})
		}}
		b.run(handler.Typed(func(context.Context, int) error { return nil }))
		b.publish("key", "no number")
		<-undecoded
		proxy.Cut()
		b.verdicts(1)
		proxy.Restore(t)
		<-undecoded
		verdicts := b.verdicts(2)
		first := b.settled()[0]
		if verdicts[0] != worker.Release || !errors.Is(first.SettleErr, broker.ErrStale) || verdicts[1] != worker.DeadLetter {
			t.Errorf("got %v and %+v, want a release that is dropped, then a dead letter", verdicts, first)
		}
		if failed := handOffFailures(b); len(failed) != 0 {
			t.Errorf("%d events say that a hand-off failed: %v, want none", len(failed), failed[0].Err)
		}
	})
}
