// Package batch has messages that are in hand at the same time handled by one call.
package batch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Collector is a handler of single messages. The goroutine of the first message waits for
// others, and calls the BatchHandler for all. Each goroutine returns the error of its own message,
// so that everything else about a message stays as it is. It is safe for concurrent use.
type Collector struct {
	Handler handler.BatchHandler
	Size    int           // the most messages of a batch
	Wait    time.Duration // how long the first message waits for others
	// Call calls f, and returns a panic as an error.
	Call func(f func() error) error
	// Begin begins the span of a batch, by the contexts of its messages, and returns the context of
	// the call and what ends the span.
	Begin func(ctx context.Context, members []context.Context) (context.Context, func(error))

	mu   sync.Mutex
	open *batch // nil if the next message begins one
}

// item is a message of a batch.
type item struct {
	ctx   context.Context
	value any
	err   error
}

type batch struct {
	items []*item
	full  chan struct{} // closed when it has as many items as may be
	done  chan struct{} // closed when each item has its result
}

var errNoResult = errors.New("batch: the handler ended its goroutine without a result")

// Handle handles m together with others.
func (c *Collector) Handle(ctx context.Context, m *message.Message) error {
	value, err := c.Handler.Decode(ctx, m)
	if err != nil {
		return err
	}
	one := &item{ctx: ctx, value: value, err: errNoResult}
	b, first := c.join(one)
	if first {
		b.wait(ctx, c.Wait)
		c.end(b)
		func() {
			defer close(b.done) // also if the handler ends this goroutine
			c.run(b.items)
		}()
	}
	<-b.done
	return one.err
}

// join adds one to the open batch. It reports whether one is the first.
func (c *Collector) join(one *item) (b *batch, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = &batch{full: make(chan struct{}), done: make(chan struct{})}
	}
	b = c.open
	if b.items = append(b.items, one); len(b.items) >= c.Size {
		close(b.full)
		c.open = nil
	}
	return b, len(b.items) == 1
}

// wait returns when the batch is full, d is over, or the worker stops.
func (b *batch) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.full:
	case <-timer.C:
	case <-handler.Stopping(ctx):
	case <-ctx.Done():
	}
}

// end lets no more messages join b.
func (c *Collector) end(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == b {
		c.open = nil
	}
}

// run handles the items whose contexts have not ended.
func (c *Collector) run(items []*item) {
	var live []*item
	for _, one := range items {
		if one.err = context.Cause(one.ctx); one.err == nil {
			live, one.err = append(live, one), errNoResult
		}
	}
	if len(live) > 0 {
		ctx, cancel := together(live)
		defer cancel()
		s := solver{collector: c, ctx: ctx}
		s.solve(live)
	}
}
