package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// The second message meets an open breaker. It waits, and is the probe.
func ExampleBreaker() {
	settings := gobreaker.Settings{
		Name:        "mail server",
		Timeout:     10 * time.Millisecond,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
		OnStateChange: func(name string, from, to gobreaker.State) {
			fmt.Println(name, "is", to, "and was", from)
		},
	}
	down := true
	h := middleware.Breaker(settings)(handler.Func(func(context.Context, *message.Message) error {
		if down {
			down = false
			return errors.New("connection refused")
		}
		return nil
	}))
	fmt.Println(h.Handle(context.Background(), &message.Message{}))
	fmt.Println(h.Handle(context.Background(), &message.Message{}))
	// Output:
	// mail server is open and was closed
	// connection refused
	// mail server is half-open and was open
	// mail server is closed and was half-open
	// <nil>
}
