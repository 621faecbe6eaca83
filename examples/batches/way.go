package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/worker"
)

// way is one way to store rows.
type way struct {
	name        string
	rows        int64
	calls, done atomic.Int64
	end         chan struct{} // closed when all rows are stored
	took        time.Duration
}

func (w *way) String() string {
	return fmt.Sprintf("%s: %d rows by %d calls, %.0f rows/s", w.name, w.rows, w.calls.Load(), float64(w.rows)/w.took.Seconds())
}

// stored counts a call that has stored n rows, if err is nil.
func (w *way) stored(n int, err error) error {
	if err != nil {
		return err
	}
	w.calls.Add(1)
	if done := w.done.Add(int64(n)); done >= w.rows && done-int64(n) < w.rows {
		close(w.end)
	}
	return nil
}

// run handles what waits in q, and measures how long that takes.
func (w *way) run(ctx context.Context, q *worker.Subscription) error {
	began := time.Now()
	q.Resume()
	select {
	case <-w.end:
		w.took = time.Since(began)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
