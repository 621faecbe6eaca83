package worker

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// overduePatience is how long a handler may take to return once its context is done.
const overduePatience = 5 * time.Second

// overdue watches the handlers of one queue that have a deadline, and reports each one that
// does not return after it. One timer serves all of them; it is set for the earliest.
type overdue struct {
	report func(HandlerOverdue)

	mu      sync.Mutex
	running map[*run]struct{}
	spare   []*run // used before; as many as ran at once at most
	timer   *time.Timer
	at      time.Time // when the timer fires; zero while it does not
}

// run is a running handler, with copies of its message's id and key, which the handler could
// change.
type run struct {
	id, key  string
	attempt  int
	span     trace.SpanContext
	began    time.Time
	due      time.Time // its deadline and overduePatience
	reported bool
}

func newOverdue(report func(HandlerOverdue)) *overdue {
	return &overdue{report: report, running: make(map[*run]struct{})}
}

// spanOf returns the span of the attempt whose handler runs with ctx.
func spanOf(ctx context.Context) trace.SpanContext {
	if a, found := ctx.Value(attemptKey{}).(*attempt); found {
		return a.span
	}
	return trace.SpanContextFromContext(ctx)
}

// middleware watches the handler that it wraps. It is inside of every middleware that sets a
// deadline.
func (o *overdue) middleware(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		deadline, ok := ctx.Deadline()
		if !ok {
			return next.Handle(ctx, m)
		}
		r := o.add(run{
			id: m.ID, key: m.RoutingKey, attempt: m.Attempt, span: spanOf(ctx),
			began: time.Now(), due: deadline.Add(overduePatience),
		})
		defer o.remove(r)
		return next.Handle(ctx, m)
	})
}

func (o *overdue) add(v run) *run {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.spare) == 0 {
		o.spare = append(o.spare, new(run))
	}
	last := len(o.spare) - 1
	r := o.spare[last]
	*r, o.spare = v, o.spare[:last]
	o.running[r] = struct{}{}
	o.arm(r.due)
	return r
}

func (o *overdue) remove(r *run) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.running, r)
	*r = run{}
	o.spare = append(o.spare, r)
}

// arm sets the timer to t, unless it is set for an earlier time.
func (o *overdue) arm(t time.Time) {
	if !o.at.IsZero() && !t.Before(o.at) {
		return
	}
	o.at = t
	if o.timer == nil {
		o.timer = time.AfterFunc(time.Until(t), o.look)
		return
	}
	o.timer.Reset(time.Until(t))
}

// look reports the handlers that are overdue and sets the timer for the next one.
func (o *overdue) look() {
	for _, e := range o.found(time.Now()) {
		o.report(e)
	}
}

func (o *overdue) found(now time.Time) (late []HandlerOverdue) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at = time.Time{}
	for r := range o.running {
		switch {
		case r.reported:
		case now.Before(r.due):
			o.arm(r.due)
		default:
			r.reported = true
			late = append(late, HandlerOverdue{MessageID: r.id, RoutingKey: r.key, Attempt: r.attempt, Age: now.Sub(r.began), Span: r.span})
		}
	}
	return late
}

// count returns how many handlers are overdue, and the one that has run longest.
func (o *overdue) count() (n int, oldest run) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for r := range o.running {
		if !r.reported {
			continue
		}
		if n++; n == 1 || r.began.Before(oldest.began) {
			oldest = *r
		}
	}
	return n, oldest
}

// stop ends the timer.
func (o *overdue) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
}
