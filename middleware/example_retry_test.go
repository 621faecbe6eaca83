package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

// A blip is over before the message would have been back from the broker.
func ExampleRetry() {
	runs := 0
	flaky := handler.Func(func(context.Context, *message.Message) error {
		if runs++; runs < 3 {
			return errors.New("connection reset")
		}
		return nil
	})
	blips := retry.Policy{MaxAttempts: 3, InitialInterval: time.Millisecond}
	fmt.Println(middleware.Retry(blips)(flaky).Handle(context.Background(), &message.Message{}), "after", runs, "runs")
	// Output: <nil> after 3 runs
}
