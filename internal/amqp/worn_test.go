package amqp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// withSender runs f in a bubble, with a sender that is connected to a broker in memory
// with the queues "in" and "other".
func withSender(t *testing.T, f func(t *testing.T, dev *devbroker.Broker, s *amqp.Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dev, err := devbroker.Pipe(devbroker.Config{Version: "3.10"})
		if err != nil {
			t.Fatal(err)
		}
		s := amqp.NewSender(amqp.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: time.Hour}, "test", nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		queues := []topology.Queue{{Name: "in"}, {Name: "other"}, {Name: "full", Arguments: message.Headers{"x-max-length": 1, "x-overflow": "reject-publish"}}}
		if _, err := s.Ensure(t.Context(), topology.Topology{Queues: queues}); err != nil {
			t.Fatal(err)
		}
		f(t, dev, s)
		stop()
		if err := errors.Join(<-done, dev.Close()); err != nil {
			t.Error(err)
		}
	})
}

// nacked publishes to a queue once a second until that succeeds or fails otherwise than
// by a nack, n times at most, and returns how often it was refused.
func nacked(t *testing.T, s *amqp.Sender, queue string, n int) (nacks int) {
	t.Helper()
	for range n {
		err := s.Send(t.Context(), "", queue, &message.Message{})
		if err == nil {
			return nacks
		}
		if !errors.Is(err, amqp.ErrNacked) {
			t.Fatal(err)
		}
		nacks++
		time.Sleep(time.Second)
	}
	return nacks
}

// TestAChannelThatOnlyRefusesIsReplaced, as one of a 3.10 cluster has to be whose first
// message met a dead node.
func TestAChannelThatOnlyRefusesIsReplaced(t *testing.T) {
	t.Parallel()
	withSender(t, func(t *testing.T, dev *devbroker.Broker, s *amqp.Sender) {
		if n := nacked(t, s, "in", 1); n != 0 {
			t.Fatal("the first message was refused")
		}
		dev.Inject(devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse, Open: true})
		if n := nacked(t, s, "in", 60); n < 3 || n > 5 {
			t.Errorf("%d messages were refused, want 3 to 5 until another channel takes them", n)
		}
	})
}

// TestAFullQueueCostsFewChannels: it refuses rightly, and goes on refusing on any
// channel. What is under way beside it is not disturbed.
func TestAFullQueueCostsFewChannels(t *testing.T) {
	t.Parallel()
	withSender(t, func(t *testing.T, dev *devbroker.Broker, s *amqp.Sender) {
		dev.Inject(devbroker.Fault{On: devbroker.OnConfirm, Delay: 2 * time.Second, Skip: 1, Times: 1})
		if n := nacked(t, s, "full", 1); n != 0 {
			t.Fatal("the first message was refused")
		}
		slow, err := s.Start(t.Context(), "", "other", &message.Message{})
		if err != nil {
			t.Fatal(err)
		}
		opened := dev.Channels()
		if n := nacked(t, s, "full", 600); n != 600 {
			t.Errorf("%d messages were refused, want all", n)
		}
		if n := dev.Channels() - opened; n > 20 {
			t.Errorf("%d channels were opened in ten minutes, want 20 at most", n)
		}
		if err := slow(t.Context()); err != nil {
			t.Error(err)
		}
		if n := depthOf(t, dev, "other"); n != 1 {
			t.Errorf("the message beside it arrived %d times, want once", n)
		}
	})
}

// TestAChannelThatIsSilentIsReplaced for what is published next, while what waits on it
// is not doubled.
func TestAChannelThatIsSilentIsReplaced(t *testing.T) {
	t.Parallel()
	withSender(t, func(t *testing.T, dev *devbroker.Broker, s *amqp.Sender) {
		if err := s.Send(t.Context(), "", "other", &message.Message{}); err != nil { // opens the channel
			t.Fatal(err)
		}
		dev.Inject(devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Swallow, Open: true})
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() { waiting <- s.SendUntil(ctx, "", "in", &message.Message{}) }()
		time.Sleep(time.Minute)
		if err := s.Send(t.Context(), "", "other", &message.Message{}); err != nil {
			t.Errorf("after a minute of silence Send returned %v, want nil on another channel", err)
		}
		if n := depthOf(t, dev, "in"); n != 0 {
			t.Errorf("the message that waits was published %d times more, want none", n)
		}
		began := time.Now()
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 10*time.Minute || depthOf(t, dev, "in") != 1 {
			t.Errorf("it was sent again after %v, want within 10 minutes, once", took)
		}
		cancel()
	})
}

func depthOf(t *testing.T, dev *devbroker.Broker, queue string) int {
	t.Helper()
	synctest.Wait()
	for _, q := range dev.Queues() {
		if q.Name == queue {
			return q.Ready
		}
	}
	t.Fatalf("there is no queue %q", queue)
	return 0
}
