package adaptive_test

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware/adaptive"
	"github.com/warren-mq/warren/worker"
)

// A queue handles 2 to 64 messages at a time, depending on how fast they are handled.
func Example() {
	limiter := adaptive.New(2, 64)
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://localhost"}})
	w.Queue(worker.Queue{
		Name: "charges", Concurrency: 64, Middleware: []handler.Middleware{limiter.Middleware},
	}).Handle("#", handler.Typed(func(context.Context, string) error { return nil }))
	fmt.Println(limiter.Limit())
	// Output: 2
}

// A queue with few messages, whose service may stay slow for about four minutes before it counts as usual.
func ExampleOption() {
	limiter := adaptive.New(2, 16, adaptive.WithWindow(time.Second, 5), adaptive.WithHistory(250))
	fmt.Println(limiter.Limit())
	// Output: 2
}
