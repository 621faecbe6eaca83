package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// strictNode is a broker that takes bodies of 1,000 bytes at most, with a user who may
// write to some exchanges only.
func strictNode(t *testing.T) (node rabbit.Node, asUser string) {
	t.Helper()
	node = rabbit.Start(t)
	node.LimitMessages(t, 1000)
	return node, node.Permit(t, rabbit.User{
		Name: "restricted", Password: "restricted", Configure: "^(warren|mine).*$", Write: `^(amq\.default|amq\.topic|warren.*|mine.*)$`, Read: ".*",
	})
}

// runSender runs a sender for the length of the test.
func runSender(t *testing.T, cfg amqp.Config) *amqp.Sender {
	t.Helper()
	s := amqp.NewSender(reaching(cfg), "test", nil)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestARefusalIsOfItsMessageAlone puts one message that the broker refuses among 200
// that it takes.
func TestARefusalIsOfItsMessageAlone(t *testing.T) {
	t.Parallel()
	node, url := strictNode(t)
	tests := []struct {
		name     string
		exchange string
		bad      message.Message
		want     error
	}{
		{"an exchange that does not exist", "mine-missing", message.Message{}, amqp.ErrUnroutable},
		{"an exchange that the user may not write to", "amq.fanout", message.Message{}, amqp.ErrRefused},
		{"a body over the broker's limit", "amq.topic", message.Message{Body: make([]byte, 1001)}, amqp.ErrTooLarge},
		{"another user's name", "amq.topic", message.Message{UserID: "guest"}, amqp.ErrRefused},
		{"an expiration that is no number", "amq.topic", message.Message{Expiration: "soon"}, amqp.ErrMalformed},
		{"a CC that is no list", "amq.topic", message.Message{Headers: message.Headers{"CC": "text"}}, amqp.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			queue := rabbit.Queue(t)
			declare(t, node.URL(), queue)
			s := runSender(t, amqp.Config{URL: url})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var waits []func(context.Context) error
			start := func(exchange, key string, m *message.Message) error {
				wait, err := s.Start(ctx, exchange, key, m)
				if err == nil {
					waits = append(waits, wait)
				}
				return err
			}
			var badErr error
			for n := range 200 {
				if n == 100 {
					badErr = start(tt.exchange, "key", &tt.bad)
				}
				if err := start("", queue, &message.Message{}); err != nil {
					t.Fatalf("good message %d: %v", n, err)
				}
			}
			for n, wait := range waits {
				err := wait(ctx)
				if n == 100 && badErr == nil {
					badErr = err
				} else if err != nil {
					t.Errorf("message %d: %v, want nil", n, err)
				}
			}
			if !errors.Is(badErr, tt.want) || errors.Is(badErr, amqp.ErrNotConnected) {
				t.Errorf("the refused message: %v, want %v", badErr, tt.want)
			}
			rabbit.Eventually(t, soon, func() bool { return depthNow(t, node.URL(), queue) >= 200 }, "all good messages are in the queue")
		})
	}
}

// TestRefusedMessagesDoNotStarveOthers: a program that keeps publishing to a missing
// exchange costs its other messages nothing but time.
func TestRefusedMessagesDoNotStarveOthers(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		declare(t, url, queue)
		s := runSender(t, amqp.Config{URL: url})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		good, stop := context.WithCancel(ctx)
		var bad, all sync.WaitGroup
		for range 4 {
			bad.Go(func() {
				for good.Err() == nil {
					err := s.Send(ctx, queue+"-missing", "key", &message.Message{})
					if !errors.Is(err, amqp.ErrUnroutable) {
						t.Errorf("a message to a missing exchange: %v, want ErrUnroutable", err)
						return
					}
				}
			})
			all.Go(func() {
				for range 100 {
					if err := s.Send(ctx, "", queue, &message.Message{}); err != nil {
						t.Errorf("a message beside it: %v, want nil", err)
						return
					}
				}
			})
		}
		all.Wait()
		stop()
		bad.Wait()
	})
}

// TestABodyOverTheLimitIsRefusedOnce: after the first the sender knows the limit, and
// asks the broker no more.
func TestABodyOverTheLimitIsRefusedOnce(t *testing.T) {
	t.Parallel()
	_, url := strictNode(t)
	s := runSender(t, amqp.Config{URL: url})
	for n := range 3 {
		err := s.Send(t.Context(), "amq.topic", "key", &message.Message{Body: make([]byte, 1001)})
		_, asked := errors.AsType[*amqp091.Error](err)
		if !errors.Is(err, amqp.ErrTooLarge) || asked != (n == 0) {
			t.Errorf("message %d: %v (by the broker: %v), want ErrTooLarge, by the broker only at first", n, err, asked)
		}
	}
}

func declare(t *testing.T, url, queue string) {
	t.Helper()
	ch := rabbit.Channel(t, url)
	if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp091.Table{"x-queue-type": topology.Quorum}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := rabbit.Channel(t, url).QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	})
}

func depthNow(t *testing.T, url, queue string) int {
	t.Helper()
	return rabbit.Depth(t, rabbit.Channel(t, url), queue)
}

// TestTheOtherOfTwoIsNotBlamed: with the refused message removed too early, the
// last one left would be taken for it.
func TestTheOtherOfTwoIsNotBlamed(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		declare(t, url, queue)
		s := runSender(t, amqp.Config{URL: url})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for n := range 100 {
			bad, err := s.Start(ctx, fmt.Sprint(queue, "-missing-", n), "key", &message.Message{})
			if err == nil {
				var other func(context.Context) error
				if other, err = s.Start(ctx, "", queue, &message.Message{}); err == nil {
					err = other(ctx)
				}
				if err != nil {
					t.Fatalf("the other message of pair %d: %v, want nil", n, err)
				}
				err = bad(ctx)
			}
			if !errors.Is(err, amqp.ErrUnroutable) {
				t.Fatalf("the refused message of pair %d: %v, want ErrUnroutable", n, err)
			}
		}
	})
}
