package middleware_test

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// Queues that share a limiter share the limit.
func ExampleRateLimit() {
	perSecond := middleware.RateLimit(rate.NewLimiter(100, 10))
	send := perSecond(handler.Func(func(_ context.Context, m *message.Message) error {
		fmt.Println("sent", m.ID)
		return nil
	}))
	fmt.Println(send.Handle(context.Background(), &message.Message{ID: "7"}))

	// A worker that stops waits no more; the message goes back to the broker.
	stopping := make(chan struct{})
	close(stopping)
	ctx := handler.WithStopping(context.Background(), stopping)
	slow := middleware.RateLimit(rate.NewLimiter(rate.Limit(0.001), 1))(send)
	fmt.Println(slow.Handle(ctx, &message.Message{ID: "8"}))
	fmt.Println(slow.Handle(ctx, &message.Message{ID: "9"}))
	// Output:
	// sent 7
	// <nil>
	// sent 8
	// <nil>
	// middleware: rate limit: handler: the worker is stopping
}
