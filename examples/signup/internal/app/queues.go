package app

import (
	"context"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// Names of the queues, before any prefix.
const (
	WelcomeQueue      = "welcome-email"
	VerificationQueue = "verification-email"
	AnalyticsQueue    = "analytics"
	BillingQueue      = "billing"
)

// Queues returns the names of all queues, before any prefix.
func Queues() []string {
	return []string{WelcomeQueue, VerificationQueue, AnalyticsQueue, BillingQueue}
}

// priorities is the highest priority of the welcome queue.
const priorities = 10

// mailTimeout bounds the sending of one mail. lease is longer: it is the lease of the
// outbox rows, and the time that a stopping worker gives its handlers.
const (
	mailTimeout = 10 * time.Second
	lease       = mailTimeout + 5*time.Second
)

// patient dead-letters a message after four attempts in 3.5 s, to suit a demonstration. A
// real service would retry for hours.
func patient() retry.Policy {
	return retry.Policy{MaxAttempts: 4, InitialInterval: 500 * time.Millisecond, Multiplier: 2}
}

// subscribe adds the queues of the roles to w. Each queue gets its own copy of every
// event, and has its own concurrency, retries and dead letters.
func (a *App) subscribe(w *worker.Worker, roles []Role) {
	once := a.once()
	if has(roles, Welcome) {
		q := a.queue(w, worker.Queue{Name: WelcomeQueue, Concurrency: 8, MaxPriority: priorities, Timeout: mailTimeout, Middleware: once})
		q.Handle(event.SignedUpKey, handler.Typed(a.welcome.Welcome))
		q.Handle(event.SignUpKnownKey, handler.Typed(a.welcome.Known))
		q.Handle(event.PasswordResetKey, handler.Typed(a.welcome.ResetPassword))
	}
	if has(roles, Verification) {
		q := a.queue(w, worker.Queue{Name: VerificationQueue, Concurrency: 8, Timeout: mailTimeout, Middleware: once})
		q.Handle(event.SignedUpKey, handler.Typed(a.verification.Ask))
	}
	if has(roles, Analytics) { // the counter ignores duplicates
		q := a.queue(w, worker.Queue{Name: AnalyticsQueue, Concurrency: 4})
		q.Handle(event.SignedUpKey, handler.Typed(a.counter.Count))
	}
	if has(roles, Billing) { // the book ignores duplicates
		q := a.queue(w, worker.Queue{Name: BillingQueue, Concurrency: 2})
		q.Handle(event.SignedUpKey, handler.Typed(a.book.BeginTrial))
	}
}

// once returns middleware that skips a mail that is recorded as sent.
func (a *App) once() []handler.Middleware {
	return []handler.Middleware{middleware.Dedupe(a.handled, middleware.WithStoreLog(a.config.Logger)), finish}
}

// finish lets a mail that was begun finish within its timeout, even when its delivery is
// lost. If it were interrupted, the worker could not tell whether the mail server had
// accepted the mail.
func finish(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		return next.Handle(context.WithoutCancel(ctx), m)
	})
}

func (a *App) queue(w *worker.Worker, q worker.Queue) *worker.Subscription {
	name := q.Name
	q.Name, q.Exchange, q.Retry = a.config.Prefix+name, a.config.exchange(), patient()
	s := w.Queue(q)
	a.subscriptions[name] = s
	return s
}
