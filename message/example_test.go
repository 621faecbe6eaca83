package message_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/message"
)

// A handler reads the metadata of its message.
func ExampleFromContext() {
	handle := func(ctx context.Context) {
		m := message.FromContext(ctx)
		fmt.Println(m.ID, m.RoutingKey, m.Attempt, m.Headers.String("tenant"))
	}
	ctx := message.NewContext(context.Background(), &message.Message{
		ID: "42", RoutingKey: "user.signed_up", Attempt: 2, Headers: message.Headers{"tenant": "blue"},
	})
	handle(ctx)
	// Output: 42 user.signed_up 2 blue
}
