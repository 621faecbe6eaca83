package warrentest_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/warrentest"
)

// HandleEmits returns the messages that a handler emits. It needs no broker.
func ExampleHandleEmits() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	pub := broker.NewPublisher(broker.Config{}, "shop")
	h := handler.Typed(func(ctx context.Context, order int) error {
		if err := pub.Emit(ctx, "order.paid", order); err != nil {
			return err
		}
		if order == 8 {
			return errBounced
		}
		return nil
	})
	for _, order := range []int{7, 8} {
		emitted, err := warrentest.HandleEmits(t, h, order)
		fmt.Println(order, err, len(emitted))
		for _, m := range emitted {
			fmt.Printf("%s to %s: %s\n", m.RoutingKey, m.Exchange, m.Body)
		}
	}
	// Output:
	// 7 <nil> 1
	// order.paid to shop: 7
	// 8 the mailbox does not exist 0
}
