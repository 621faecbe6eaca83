package amqp_test

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Both messages are sent alone, since their exchange has refused a message before.
func TestTheNextMessageIsSentWhileAConfirmIsMissing(t *testing.T) {
	t.Parallel()
	withSender(t, func(t *testing.T, dev *devbroker.Broker, s *amqp.Sender) {
		if err := s.Send(t.Context(), "late", "key", &message.Message{}); err == nil {
			t.Fatal("an exchange that does not exist took a message")
		}
		late := topology.Topology{
			Exchanges: []topology.Exchange{{Name: "late", Kind: "fanout"}}, Bindings: []topology.Binding{{Exchange: "late", Queue: "in"}},
		}
		if _, err := s.Ensure(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		dev.Inject(devbroker.Fault{On: devbroker.OnPublish, Name: "late", Do: devbroker.Swallow, Times: 1})
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() { waiting <- s.SendUntil(ctx, "late", "key", &message.Message{}) }()
		time.Sleep(time.Millisecond) // it comes first
		began := time.Now()
		if err := s.Send(t.Context(), "late", "key", &message.Message{}); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("the next message had the error %v after %v, want none within 2s", err, time.Since(began))
		}
		cancel()
		if err := <-waiting; err == nil {
			t.Error("the message without a confirm has no error")
		}
	})
}
