package pace

import (
	"context"

	"github.com/warren-mq/warren/handler"
)

// UntilStopping returns a context that is done when ctx is done, or with handler.ErrStopping as
// its cause when the worker begins to drain. The caller must call cancel.
func UntilStopping(ctx context.Context) (waiting context.Context, cancel func()) {
	waiting, end := context.WithCancelCause(ctx)
	if stopping := handler.Stopping(ctx); stopping != nil {
		go func() {
			select {
			case <-stopping:
				end(handler.ErrStopping)
			case <-waiting.Done():
			}
		}()
	}
	return waiting, func() { end(nil) }
}
