package amqp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// TestAMissingConfirmDelaysNoOtherMessage is promise 8 where a quorum queue has lost its
// majority: its messages are never confirmed, while messages of other queues are.
func TestAMissingConfirmDelaysNoOtherMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dev, err := devbroker.Pipe(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		cfg := amqp.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: time.Hour}
		session, err := amqp.Dial(t.Context(), cfg, "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := session.Declare(t.Context(), topology.Topology{Queues: []topology.Queue{{Name: "in"}}}); err != nil {
			t.Fatal(err)
		}
		p := broker.NewPublisher(broker.Config(cfg), "")
		dev.Inject(devbroker.Fault{On: devbroker.OnConfirm, Times: 1, Do: devbroker.Swallow})
		same := broker.WithMessageID("same")
		if err := p.Publish(t.Context(), "in", 1, same); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Publish returned %v without a confirm, want a deadline that was exceeded", err)
		}
		began := time.Now()
		for range 10_000 { // more than the window
			if err := p.Publish(t.Context(), "in", 2); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("10,000 messages behind it took %v, want no wait for it", took)
		}
		if err := p.Publish(t.Context(), "in", 1, same); err != nil {
			t.Errorf("the second attempt returned %v, want nil", err)
		}
		if err := errors.Join(p.Close(), session.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
	})
}
