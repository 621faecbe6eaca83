package checkpoint_test

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
)

// A handler continues with the first row that no earlier attempt has imported.
func Example() {
	importRows := func(ctx context.Context, rows []string) error {
		var next int
		if _, err := checkpoint.Load(ctx, &next); err != nil {
			return err
		}
		for ; next < len(rows); next++ {
			select {
			case <-handler.Stopping(ctx): // a deployment: another process continues
				return handler.ErrStopping
			default:
			}
			fmt.Println("import", rows[next])
			if err := checkpoint.Save(ctx, next+1); err != nil {
				return err
			}
			checkpoint.Progress(ctx, float64(next+1)/float64(len(rows)))
		}
		return nil
	}
	ctx := checkpoint.NewContext(context.Background(), checkpoint.NewState("1"))
	fmt.Println(importRows(ctx, []string{"a", "b", "c"}))
	// Output:
	// import b
	// import c
	// <nil>
}

// A handler of several messages cannot save a checkpoint.
func ExampleRefuse() {
	ctx := checkpoint.Refuse(context.Background(), "a batch has several messages")
	fmt.Println(checkpoint.Save(ctx, 1))
	// Output: checkpoint: save: a batch has several messages
}
