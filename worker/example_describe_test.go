package worker_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

// A description names the Go type and the content types of a handler.
func ExampleDescribeHandler() {
	type Order struct{ ID string }
	d := worker.DescribeHandler("order.paid", handler.Typed(func(context.Context, Order) error { return nil }))
	fmt.Println(d.Pattern, d.Payload.Name(), d.ContentTypes)
	// Output: order.paid Order [application/json]
}
