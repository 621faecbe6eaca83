package batch

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/handler"
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

// solver handles the items of one batch.
type solver struct {
	collector *Collector
	ctx       context.Context
	failed    int // calls that failed since the last one that did not
	limit     int // of failed; see solve
	last      error
}

// solve calls the handler for the items, and if it fails, for each half of them. Each item gets its
// error. When more calls in a row fail than one bad item causes, all items fail for the same
// cause, such as a database that is down, and the rest is retried without a call.
func (s *solver) solve(items []*item) {
	s.limit = bits.Len(uint(len(items))) + 2 // the halvings down to one item, and two more
	s.halve(items)
}

func (s *solver) halve(items []*item) {
	if s.failed > s.limit || s.ctx.Err() != nil && s.last != nil {
		// Not wrapped: the marks of an error, such as retry.Permanent, are about items that were called.
		give(items, fmt.Errorf("batch: not handled, because %d calls in a row failed, the last one with: %s", s.failed, s.last.Error()))
		return
	}
	err := s.call(items)
	switch {
	case s.assign(items, err):
		s.failed = 0
	case len(items) == 1 || s.ctx.Err() != nil || errors.Is(err, handler.ErrStopping):
		s.failed, s.last = s.failed+1, err
		give(items, err)
	default:
		s.failed, s.last = s.failed+1, err
		s.halve(items[:len(items)/2])
		s.halve(items[len(items)/2:])
	}
}

// call calls the handler within a span.
func (s *solver) call(items []*item) error {
	members, values := make([]context.Context, 0, len(items)), make([]any, 0, len(items))
	for _, one := range items {
		members, values = append(members, one.ctx), append(values, one.value)
	}
	ctx, end := s.collector.Begin(s.ctx, members)
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
