// Package adaptive limits how many messages are handled at a time by how fast they are handled: the
// limit goes down while the service that a handler calls slows down, and up again afterwards.
//
// It is a package of its own because it imports failsafe-go.
package adaptive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/message"
)

// The limiter's pace: the limit changes by one or two at most each time that the window is over.
const (
	window  = 250 * time.Millisecond // of recent messages
	longest = 30 * time.Second       // of a window with few messages
	samples = 20                     // that a window needs
	history = 200                    // windows that recent messages are compared with; with fewer a slow service soon counts as usual
)

// Limiter is a limit between a least and a most number of messages that are handled at a time. Each
// 250 ms, or after 20 messages if that is later, it compares how long recent messages took (the
// ninth decile) with the average of the last 200 such times or so, and moves the limit by one or two. A
// service that is slow for a minute or longer counts as usual, and the limit goes up again. Package
// adaptivelimiter of failsafe-go has the algorithm. Queues that call the same service may
// share a Limiter. It is safe for concurrent use.
type Limiter struct {
	limiter adaptivelimiter.AdaptiveLimiter[any]
}

// New returns a Limiter of least to most messages at a time, which begins at least. Give the queue
// a Concurrency of most. New panics unless 1 <= least <= most.
func New(least, most int) *Limiter {
	if least < 1 || most < least {
		panic(fmt.Sprintf("adaptive: want limits of 1 or more, and the least not above the most (got %d and %d)", least, most))
	}
	return &Limiter{adaptivelimiter.NewBuilder[any]().WithLimits(uint(least), uint(most), uint(least)).
		WithRecentWindow(window, longest, samples).WithBaselineWindow(history).Build()}
}

// Limit returns how many messages may be handled now.
func (l *Limiter) Limit() int { return l.limiter.Limit() }

// Middleware is a handler.Middleware: it calls next when fewer messages than the limit are being
// handled. A message that waits keeps its worker goroutine, so that the queue stops fetching, and
// spends no time of its Timeout. If the worker begins to drain, the wait ends with
// handler.ErrStopping, and no attempt is spent. If ctx is done, it ends with the cause of ctx.
//
// A message counts if next returns nil or its time was over. Other failures may be faster or slower
// than the work, so they do not change the limit.
func (l *Limiter) Middleware(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		permit, err := l.acquire(ctx)
		if err != nil {
			return err
		}
		release := permit.Drop // also after a panic
		defer func() { release() }()
		err = next.Handle(ctx, m)
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			release = permit.Record
		}
		return err
	})
}

func (l *Limiter) acquire(ctx context.Context) (adaptivelimiter.Permit, error) {
	if permit, ok := l.limiter.TryAcquirePermit(); ok {
		return permit, nil
	}
	waiting, cancel := pace.UntilStopping(ctx)
	defer cancel()
	permit, err := l.limiter.AcquirePermit(waiting)
	if err == nil {
		return permit, nil
	}
	return nil, fmt.Errorf("adaptive: wait to be handled: %w", context.Cause(waiting))
}
