package batch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// together returns the context of a batch. It has the values of the first item's, ends at the
// earliest deadline, and is cancelled when all items are: one lost message does not end the
// others.
func together(items []*item) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(items[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(items)))
	stops := make([]func() bool, 0, len(items))
	var earliest time.Time
	for _, one := range items {
		stops = append(stops, context.AfterFunc(one.ctx, func() {
			if left.Add(-1) == 0 {
				cancel(context.Cause(one.ctx))
			}
		}))
		if d, ok := one.ctx.Deadline(); ok && (earliest.IsZero() || d.Before(earliest)) {
			earliest = d
		}
	}
	end := func() {}
	if !earliest.IsZero() {
		ctx, end = context.WithDeadline(ctx, earliest)
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		end()
		cancel(nil)
	}
}

// maxAlone is how many items fail alone before their cause is taken to be common.
const maxAlone = 4

// solver handles the items of one batch.
type solver struct {
	collector *Collector
	ctx       context.Context
	some      bool // a call has ended with a result for each of its items
	alone     int  // items that failed alone before that
	last      error
}

// solve calls the handler for the items and, if it fails, for parts of them. Each item gets its
// error. Since each part is split in two, n items take at most 2n-1 calls.
//
// The first failure is halved down to one item. Until a call succeeds, the next calls are for
// single items of different parts. If maxAlone of them fail, the cause is taken to be common, such
// as a database that is down, and the items in their first attempt are retried without a call. The
// others are called, so bad items cost a good one at most its first attempt.
func (s *solver) solve(items []*item) {
	for parts := [][]*item{items}; len(parts) > 0; {
		part := parts[0]
		if parts = parts[1:]; s.last != nil {
			part = s.failRest(part)
		}
		if n := len(part) - 1; s.alone > 0 && !s.some && n > 0 {
			part, parts = part[n:], append(parts, part[:n])
		}
		for len(part) > 0 && s.fails(part) {
			half := len(part) / 2
			part, parts = part[:half], append(parts, part[half:])
		}
	}
}

// failRest gives an error to the items that are not to be called, and returns the others.
func (s *solver) failRest(items []*item) (left []*item) {
	ended, common := s.ctx.Err() != nil, !s.some && s.alone >= maxAlone
	if !ended && !common {
		return items
	}
	for _, one := range items {
		if ended || one.fresh {
			// Not wrapped: the marks of an error, such as retry.Permanent, are about items that were called.
			one.err = s.late(fmt.Errorf("batch: not handled alone, because other calls failed, the last one with: %s", s.last.Error()))
		} else {
			left = append(left, one)
		}
	}
	return left
}

// fails calls the handler for the items. It reports whether they are to be called in parts;
// otherwise each has its result.
func (s *solver) fails(items []*item) bool {
	err := s.call(items)
	if s.assign(items, err) {
		s.some = true
		return false
	}
	if postpones(err) {
		give(items, s.late(err))
		return false
	}
	s.last = err
	stopping := s.ctx.Err() != nil || errors.Is(err, handler.ErrStopping)
	if len(items) > 1 && !stopping {
		return true
	}
	if !stopping {
		s.alone++
	}
	give(items, s.late(err))
	return false
}

// postpones reports whether err is about the time, and so of all items. An error that is permanent is
// about an item, also if it has a pause: a server may send Retry-After with any status.
func postpones(err error) bool {
	_, snoozed := retry.SnoozeDelay(err)
	_, after := retry.AfterDelay(err)
	return snoozed || after && !retry.IsPermanent(err) && !retry.IsDiscard(err)
}

// overrun is the error of a message whose batch ended at the earliest deadline of its messages. So
// it is handled alone in its next attempt, whether or not its own deadline was over.
type overrun struct{ error }

func (o overrun) Unwrap() error { return o.error }

// Reason returns message.ReasonTimeout.
func (overrun) Reason() string { return message.ReasonTimeout }

// late returns err, as an overrun if the deadline is over.
func (s *solver) late(err error) error {
	if errors.Is(s.ctx.Err(), context.DeadlineExceeded) {
		return overrun{err}
	}
	return err
}

// call calls the handler within a span.
func (s *solver) call(items []*item) error {
	members, values := make([]context.Context, 0, len(items)), make([]any, 0, len(items))
	for _, one := range items {
		members, values = append(members, one.ctx), append(values, one.value)
	}
	ctx, end := s.collector.Begin(s.ctx, members)
	ctx = emit.Refuse(ctx, "a handler of a batch cannot emit, because it has several messages")
	ctx = checkpoint.Refuse(ctx, "a batch has several messages")
	err := errNoResult
	defer func() { end(err) }()
	err = s.collector.Call(func() error { return s.collector.Handler.HandleBatch(ctx, values) })
	return err
}

// assign gives each item its result if err says so for each. It reports whether it does.
func (s *solver) assign(items []*item, err error) bool {
	if err == nil {
		give(items, nil)
		return true
	}
	each, ok := errors.AsType[handler.BatchError](err)
	if !ok {
		return false
	}
	for i := range each {
		if i < 0 || i >= len(items) {
			// The errors in err are of other items, so they are not wrapped.
			give(items, fmt.Errorf("batch: the error names item %d, want 0 to %d: %s", i, len(items)-1, err.Error()))
			return true
		}
	}
	for i, one := range items {
		one.err = each[i]
	}
	return true
}

func give(items []*item, err error) {
	for _, one := range items {
		one.err = err
	}
}
