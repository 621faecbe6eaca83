// Package batch has messages that are in hand at the same time handled by one call.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Collector is a handler of single messages. The goroutine of the first message waits for
// others, and calls the BatchHandler for all. Each goroutine returns the error of its own message,
// so that everything else about a message stays as it is. It is safe for concurrent use.
type Collector struct {
	Handler handler.BatchHandler
	Size    int           // the most messages of a batch
	Wait    time.Duration // how long the first message waits for others
	Slots   *Slots        // limits the batches that are handled at a time
	// Last reports whether a message has no attempt after the given one.
	Last func(attempt int) bool
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
	fresh bool // it is retried without having been called alone, if need be
	err   error
}

type batch struct {
	items []*item
	full  chan struct{} // closed when it has as many items as may be
	done  chan struct{} // closed when each item has its result
}

// pause is how long a message waits that was not handled because other batches took too long.
const pause = time.Second

var errNoResult = errors.New("batch: the handler ended its goroutine without a result")

// Handle handles m together with others. A message whose attempt before overran its time is handled
// alone: it may be the one that kept the handler busy.
func (c *Collector) Handle(ctx context.Context, m *message.Message) error {
	one, err := c.item(ctx, m)
	if err != nil {
		return err
	}
	size := c.Size
	if m.Headers.String(record.HeaderReason) == message.ReasonTimeout {
		size = 1
	}
	b, first := c.join(one, size)
	if first {
		c.lead(ctx, b)
	}
	<-b.done
	return one.err
}

// HandleAll handles the messages as one batch, each with its own context. It returns the errors of
// the messages.
func (c *Collector) HandleAll(contexts []context.Context, messages []*message.Message) []error {
	errs, items := make([]error, len(messages)), make([]*item, len(messages))
	var decoded []*item
	for i, m := range messages {
		if items[i], errs[i] = c.item(contexts[i], m); errs[i] == nil {
			decoded = append(decoded, items[i])
		}
	}
	c.run(decoded)
	for i, one := range items {
		if one != nil {
			errs[i] = one.err
		}
	}
	return errs
}

func (c *Collector) item(ctx context.Context, m *message.Message) (*item, error) {
	value, err := c.Handler.Decode(ctx, m)
	if err != nil {
		return nil, err
	}
	return &item{ctx: ctx, value: value, fresh: m.Attempt <= 1 && !c.Last(1), err: errNoResult}, nil
}

// lead handles b when it is full, has waited, or the worker stops. While b waits for a slot,
// messages may still join it.
func (c *Collector) lead(ctx context.Context, b *batch) {
	b.wait(ctx, c.Wait)
	c.Slots.take()
	c.end(b)
	defer close(b.done) // also if the handler ends this goroutine
	defer c.Slots.leave()
	c.run(b.items)
}

// join adds one to the open batch or, if size is 1, to a batch of its own. It reports whether one is
// the first.
func (c *Collector) join(one *item, size int) (b *batch, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b = c.open; b == nil || size == 1 {
		b = &batch{full: make(chan struct{}), done: make(chan struct{})}
	}
	if b.items = append(b.items, one); len(b.items) < size {
		c.open = b
	} else if close(b.full); c.open == b {
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

// run handles the items whose contexts have not ended. The others have waited too long, and their
// attempts do not count.
func (c *Collector) run(items []*item) {
	var live []*item
	for _, one := range items {
		if cause := context.Cause(one.ctx); cause != nil {
			one.err = fmt.Errorf("batch: not handled: %w: %w", retry.Snooze(pause), cause)
		} else {
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
