package warrentest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/warrentest"
)

// HandleBatch calls a handler with a batch, without a broker, and returns the error of each item.
func ExampleHandleBatch() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	calls := 0
	store := handler.Batch(func(_ context.Context, prices []int) error {
		calls++
		for _, p := range prices {
			if p < 0 {
				return errors.New("a price is below 0") // nothing is stored
			}
		}
		return nil
	})
	for i, err := range warrentest.HandleBatch(t, store, 3, 5, -1, 8) {
		fmt.Println(i, err)
	}
	fmt.Println("calls:", calls)
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 a price is below 0
	// 3 <nil>
	// calls: 5
}
