// Package adaptive limits how many messages are handled at a time by how fast they are handled: the
// limit goes down while the service that a handler calls slows down, and up again afterwards.
//
// It is a package of its own because it imports failsafe-go.
package adaptive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/throttle"
	"github.com/warren-mq/warren/message"
)

// Limiter is a limit between a least and a most number of messages that are handled at a time. Each
// 100 ms, or after 20 messages if that is later, it compares how long recent messages took (the
// ninth decile) with the average of the last 500 such times or so, and moves the limit by one, or by
// two above 100. If messages take longer, the window is twice the time of the fastest one, and 300 ms at most. Below
// 7 the limit goes down only while more messages at a time make each of them slower. If a service
// stays slow, the slow times become the new average after about a minute, and the limit rises again.
// Package adaptivelimiter of failsafe-go has the algorithm.
//
// The limit returns to its minimum at once, and the recorded times are deleted, in two cases: the number
// of consecutive timeouts reaches the limit, or a middleware.Breaker inside Middleware holds a message
// back. So a service that was down gets few messages at first.
//
// The worker measures the limit of its queues, and announces it. Queues that call the same service may
// share a Limiter. It is safe for concurrent use.
type Limiter struct {
	limiter adaptivelimiter.AdaptiveLimiter[any]

	mu       sync.Mutex // a restart and the record of a time exclude each other
	timeouts int        // since a message was handled in time
	restarts int
	down     bool // since a restart, until a message is handled in time
}

// New returns a Limiter of least to most messages at a time, which begins at least. Give the queue
// a Concurrency of most. New panics unless 1 <= least <= most.
func New(least, most int, options ...Option) *Limiter {
	if least < 1 || most < least {
		panic(fmt.Sprintf("adaptive: want limits of 1 or more, and the least not above the most (got %d and %d)", least, most))
	}
	s := defaults()
	for _, o := range options {
		o(&s)
	}
	return &Limiter{limiter: s.build(least, most)}
}

// Limit returns how many messages may be handled now.
func (l *Limiter) Limit() int { return l.limiter.Limit() }

// InUse returns how many messages are being handled. It may be above Limit for a while after the
// limit has gone down.
func (l *Limiter) InUse() int { return l.limiter.Inflight() }

// Middleware is a handler.Middleware: it calls next when fewer messages than the limit are being
// handled. A message that waits keeps its worker goroutine, so that the queue stops fetching, and
// spends no time of its Timeout. If the worker begins to drain, the wait ends with
// handler.ErrStopping, and no attempt is spent. If ctx is done, it ends with the cause of ctx.
//
// Put it before a middleware.Breaker, so that the breaker is within it. Otherwise messages that wait for
// the limit have passed the breaker already: they are handled while it is open, and before its probe.
//
// A message counts if next returns nil or its time was over. Other failures may be faster or slower
// than the work, so they do not change the limit. When the limit has gone back to the least, the messages
// that are in flight do not count, and timeouts do not count until a message is handled in time.
func (l *Limiter) Middleware(next handler.Handler) handler.Handler {
	return throttle.WithLimit(l, next, func(ctx context.Context, m *message.Message) error {
		permit, err := l.acquire(ctx)
		if err != nil {
			return err
		}
		restarts := l.restarted()
		release := permit.Drop // also after a panic
		defer func() { release() }()
		err = next.Handle(throttle.WithHeld(ctx, l.restart), m)
		release = func() { l.release(permit, restarts, err) }
		return err
	})
}

// release gives back the place of a message with that result. It records how long the message took, if
// that says how fast the service is. After a restart it does not: the message belongs to the outage, or was held
// by a breaker.
func (l *Limiter) release(permit adaptivelimiter.Permit, restarts int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if restarts == l.restarts && l.counts(err) {
		permit.Record()
		return
	}
	permit.Drop()
}

// counts reports whether the time of a message with that result is to be recorded. The caller holds mu.
func (l *Limiter) counts(err error) bool {
	switch {
	case err == nil:
		if l.down {
			l.reset() // deletes the timeouts since the restart, and excludes the messages in flight
		}
		l.timeouts, l.down = 0, false
		return true
	case !errors.Is(err, context.DeadlineExceeded):
		return false
	}
	l.timeouts++
	if l.timeouts < l.Limit() {
		return true
	}
	l.reset()
	return false
}

// restart sets the limit back to the least.
func (l *Limiter) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reset()
}

// reset does what restart does. The caller holds mu.
func (l *Limiter) reset() {
	l.timeouts, l.down = 0, true
	l.restarts++
	l.limiter.Reset()
}

// restarted returns how often the limit was set back.
func (l *Limiter) restarted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.restarts
}

func (l *Limiter) acquire(ctx context.Context) (adaptivelimiter.Permit, error) {
	if permit, ok := l.limiter.TryAcquirePermit(); ok {
		return permit, nil
	}
	waiting, cancel := pace.UntilStopping(ctx)
	defer cancel()
	permit, err := l.limiter.AcquirePermit(waiting)
	if err == nil && waiting.Err() == nil {
		return permit, nil
	}
	if err == nil { // the context was done at the same moment
		permit.Drop()
	}
	return nil, fmt.Errorf("adaptive: wait to be handled: %w", context.Cause(waiting))
}
