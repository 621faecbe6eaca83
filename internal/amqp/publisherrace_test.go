package amqp_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
)

// TestPublishMayMeetClose from many goroutines; the race detector watches.
func TestPublishMayMeetClose(t *testing.T) {
	t.Parallel()
	for range 200 {
		p := broker.NewPublisher(broker.Config{URL: "amqp://127.0.0.1:1/", StartupTimeout: 1}, "")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := p.Publish(t.Context(), "key", 1); !errors.Is(err, amqp.ErrClosed) && !errors.Is(err, amqp.ErrNotConnected) {
					t.Errorf("Publish returned %v, want ErrClosed or ErrNotConnected", err)
				}
			})
		}
		all.Go(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
	}
}
