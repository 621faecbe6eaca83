// Package batch has messages that are in hand at the same time handled by one call.
package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	items  []*item
	begun  bool          // no item may join or leave
	until  time.Time     // when it has waited for others
	full   chan struct{} // closed when it has as many items as may be
	leader chan struct{} // holds a value while no goroutine leads the batch
	turn   chan struct{} // of Slots; nil before the batch waits for a slot. Used by the leader
	done   chan struct{} // closed when each item has its result
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
	b := c.join(one, size)
	select {
	case <-b.done:
		return one.err
	case <-b.leader:
		if c.lead(ctx, b) {
			return one.err
		}
		defer func() { b.leader <- struct{}{} }() // the goroutine of another message leads
	case <-ctx.Done():
	}
	if c.leave(b, one) {
		return notHandled(context.Cause(ctx))
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
// messages may still join it. It returns false if ctx ends before b has a slot.
func (c *Collector) lead(ctx context.Context, b *batch) bool {
	b.wait(ctx)
	if b.turn == nil {
		b.turn = c.Slots.queue()
	}
	select {
	case <-b.turn:
	case <-ctx.Done():
		return false
	}
	c.begin(b)
	defer close(b.done) // also if the handler ends this goroutine
	defer c.Slots.leave()
	c.run(b.items)
	return true
}

// join adds one to the open batch or, if size is 1, to a batch of its own.
func (c *Collector) join(one *item, size int) *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.open
	if b == nil || size == 1 {
		b = &batch{until: time.Now().Add(c.Wait), full: make(chan struct{}), leader: make(chan struct{}, 1), done: make(chan struct{})}
		b.leader <- struct{}{}
	}
	if b.items = append(b.items, one); len(b.items) < size {
		c.open = b
	} else if close(b.full); c.open == b {
		c.open = nil
	}
	return b
}

// leave removes one from b. It returns false if b has begun: then one gets a result.
func (c *Collector) leave(b *batch, one *item) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.begun {
		return false
	}
	b.items = slices.DeleteFunc(b.items, func(other *item) bool { return other == one })
	if len(b.items) > 0 {
		return true
	}
	if c.open == b {
		c.open = nil
	}
	if b.turn != nil {
		c.Slots.cancel(b.turn)
	}
	return true
}

// wait returns when the batch is full, has waited for others, or the worker stops.
func (b *batch) wait(ctx context.Context) {
	timer := time.NewTimer(time.Until(b.until))
	defer timer.Stop()
	select {
	case <-b.full:
	case <-timer.C:
	case <-handler.Stopping(ctx):
	case <-ctx.Done():
	}
}

// begin lets no more messages join or leave b.
func (c *Collector) begin(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.begun = true
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
			one.err = notHandled(cause)
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

// notHandled is the error of a message whose context has ended before its batch was handled.
func notHandled(cause error) error {
	return fmt.Errorf("batch: not handled: %w: %w", retry.Snooze(pause), cause)
}
