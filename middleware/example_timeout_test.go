package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// The handler learns of the limit through its context.
func ExampleTimeout() {
	slow := handler.Func(func(ctx context.Context, _ *message.Message) error {
		<-ctx.Done()
		return ctx.Err()
	})
	err := middleware.Timeout(5*time.Millisecond)(slow).Handle(context.Background(), &message.Message{})
	fmt.Println(err)
	fmt.Println(errors.Is(err, middleware.ErrTimeout))
	// Output:
	// middleware: the handler overran its timeout of 5ms: context deadline exceeded
	// true
}
