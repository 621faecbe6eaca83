// Package limit limits handlers across all replicas of a program, on RabbitMQ alone: how many
// of them run at a time, and how many begin in a period.
package limit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// ErrLost is the cause of the context of a handler that has lost its slot, as context.Cause
// returns it: the connection to the broker is lost, or the broker has not answered for 1.5
// times the heartbeat, and 15 s at most. Another process may get the slot 1 s later, so the
// handler must return at once.
var ErrLost = limit.ErrLost

// MaxConcurrency is the largest n of Concurrency.
const MaxConcurrency = limit.MaxSlots

// Concurrency limits how many handlers run at a time, in all processes whose workers use the
// name with the same broker and virtual host. Queues and handlers may share a name; they must
// agree on n within a process. n is 1 to MaxConcurrency.
//
// A message that waits for a slot keeps its worker goroutine, so that its queue stops
// fetching, and other queues go on. As a middleware of a queue, it waits before the queue's
// Timeout begins; as a middleware of one handler, within the Timeout. If the worker
// begins to drain, the wait ends with handler.ErrStopping, and no attempt is spent. A wait longer
// than RabbitMQ's consumer timeout, 30 minutes by default, makes the broker deliver the
// message again.
//
// Each slot is a quorum queue, warren.limit.NAME.0 and so on, with a single active consumer. A
// process that crashes loses its slots when the broker closes its connection, and another process may use them
// 1 s later. If processes with different n run at the same time, the largest n applies. A
// handler whose slot is lost gets ErrLost, as above; if it then returns an error, the message is snoozed for
// 1 s and spends no attempt.
//
// Concurrency panics if name is not 1 to 100 letters, digits, _ and -, or if n is out of
// range.
func Concurrency(name string, n int) handler.Middleware {
	return middleware(limit.Spec{Name: name, Slots: n}, hold)
}

// burst is the largest number of slots of a rate.
const burst = 10

// Rate limits how many handlers begin, in all processes as for Concurrency: n in each period.
// In any stretch of time d, at most n×d/period + min(n, 10) handlers begin. The rate is divided among
// min(n, 10) slots, each of which rests for its share of the period after it was used, and a process
// has the share of the rate of the slots that it holds. A slot of a process that has crashed
// rests for 1 s at least, and a changed rate applies to the slots of the processes that know it.
//
// Everything else is as for Concurrency, but a handler that has begun is not cancelled. Rate
// panics if n or period is not positive.
func Rate(name string, n int, period time.Duration) handler.Middleware {
	if n < 1 || period <= 0 {
		panic(fmt.Sprintf("limit: rate %q is %d in %v, want 1 or more in more than 0 s", name, n, period))
	}
	slots := min(n, burst)
	rest := max(time.Duration(float64(period)*float64(slots)/float64(n)), 1)
	return middleware(limit.Spec{Name: name, Slots: slots, Rest: rest}, begin)
}

// For returns mw for the messages whose routing key matches pattern, such as order.* or #.
// Other messages pass. It lets a middleware of a queue limit one of its handlers, so that
// the wait is not within the Timeout. The queue's registration panics if the pattern is wrong.
func For(pattern string, mw handler.Middleware) handler.Middleware {
	return ByKey(map[string]handler.Middleware{pattern: mw})
}

// ByKey is For with several patterns. As with handlers, the most specific pattern wins. Its middleware may be
// nil, for messages without a limit.
func ByKey(limits map[string]handler.Middleware) handler.Middleware {
	return func(next handler.Handler) handler.Handler {
		var mux handler.Mux
		l := &limited{handle: func(ctx context.Context, m *message.Message) error {
			if within, _, ok := mux.Match(m.RoutingKey); ok {
				return within.Handle(ctx, m)
			}
			return next.Handle(ctx, m)
		}}
		for _, pattern := range slices.Sorted(maps.Keys(limits)) {
			within := next
			if mw := limits[pattern]; mw != nil {
				within = mw(next)
			}
			mux.Handle(pattern, within)
			l.limits = l.limits.Or(limit.PathOf(within))
		}
		return l
	}
}

// limited is a handler with limits, which the worker finds by its method Limits.
type limited struct {
	handle handler.Func
	limits limit.Path
}

func (l *limited) Handle(ctx context.Context, m *message.Message) error { return l.handle(ctx, m) }

func (l *limited) Limits() limit.Path { return l.limits }

// use runs next while it has a slot.
type use func(ctx context.Context, p *limit.Pool, t *limit.Term, next func(context.Context) error) error

func middleware(s limit.Spec, with use) handler.Middleware {
	if err := s.Validate(); err != nil {
		panic(err.Error())
	}
	return func(next handler.Handler) handler.Handler {
		return &limited{limits: append(limit.Path{{s}}, limit.PathOf(next)...), handle: func(ctx context.Context, m *message.Message) error {
			pool, t, err := limit.Acquire(ctx, s)
			if err != nil {
				return err
			}
			return with(ctx, pool, t, func(ctx context.Context) error { return next.Handle(ctx, m) })
		}}
	}
}

// hold keeps the slot until next returns.
func hold(ctx context.Context, p *limit.Pool, t *limit.Term, next func(context.Context) error) error {
	defer p.Release(t)
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.Life(), func() { cancel(context.Cause(t.Life())) })()
	err := next(within)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(within), ErrLost) {
		return fmt.Errorf("%w: %w: %w", ErrLost, retry.Snooze(time.Second), err)
	}
	return err
}

// begin lets the slot rest while next runs.
func begin(ctx context.Context, p *limit.Pool, t *limit.Term, next func(context.Context) error) error {
	p.Release(t)
	return next(ctx)
}
