package amqp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

// A missing exchange costs the channel, and so all that is on it; only the message to
// that exchange is unroutable.
func TestAMissingExchangeFailsOnlyItsOwnMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		s := amqp.NewSender(reaching(amqp.Config{URL: url}), "test", nil)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		if _, err := s.Connector().Session(ctx); err != nil {
			t.Fatal(err)
		}
		queue := rabbit.Queue(t)
		if _, err := rabbit.Channel(t, url).QueueDeclare(queue, false, false, true, false, nil); err != nil {
			t.Fatal(err)
		}
		bad, err := s.Start(ctx, rabbit.Queue(t), "k", &message.Message{ID: "bad"})
		if err != nil {
			t.Fatal(err)
		}
		other, otherErr := s.Start(ctx, "", queue, &message.Message{ID: "other"})
		if err := bad(ctx); !errors.Is(err, amqp.ErrUnroutable) {
			t.Errorf("the message to a missing exchange: %v, want ErrUnroutable", err)
		}
		if otherErr == nil {
			otherErr = other(ctx)
		}
		if otherErr != nil && !errors.Is(otherErr, amqp.ErrNotConnected) || errors.Is(otherErr, amqp.ErrUnroutable) {
			t.Errorf("the other: %v, want ErrNotConnected, or nil if it was on the next channel", otherErr)
		}
	})
}
