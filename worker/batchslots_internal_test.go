package worker

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// TestAWaitingBatchBeginsWhenTheConcurrencyIsRaised, while the batch before it takes a minute.
func TestAWaitingBatchBeginsWhenTheConcurrencyIsRaised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		q := New(Config{}).Queue(Queue{Name: "q", Concurrency: 1})
		q.HandleBatch("#", handler.Batch(func(context.Context, []int) error {
			calls.Add(1)
			time.Sleep(time.Minute)
			return nil
		}), 2, time.Second)
		for _, h := range q.mux.All() {
			for range 4 {
				go func() {
					_ = h.Handle(t.Context(), &message.Message{Body: []byte("1"), ContentType: "application/json"})
				}()
				synctest.Wait()
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d batches are handled, want 1", n)
		}
		q.SetConcurrency(4)
		synctest.Wait()
		if n := calls.Load(); n != 2 {
			t.Errorf("%d batches are handled with twice the concurrency, want 2", n)
		}
		time.Sleep(3 * time.Minute)
	})
}
