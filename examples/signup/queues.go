package main

import (
	"context"
	"time"

	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/examples/signup/verification"
	"github.com/warren-mq/warren/examples/signup/welcome"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// priorities is how many priorities the queues tell apart.
const priorities = 10

// subscribe adds the three queues to w: each gets its own copy of every event, and
// works on it at its own pace, with its own retries and its own dead letters.
func subscribe(
	w *worker.Worker, prefix string,
	send func(context.Context, mailbox.Mail) error, count func(context.Context, event.User) error,
) {
	exchange := prefix + "events"

	welcomes := w.Queue(worker.Queue{
		Name: prefix + welcome.Queue, Exchange: exchange, MaxPriority: priorities, Concurrency: 4,
		Retry: retry.Policy{MaxAttempts: 5, InitialInterval: 500 * time.Millisecond},
	})
	welcomes.Handle(event.SignedUp, handler.Typed(welcome.Handler(send)))

	verifications := w.Queue(worker.Queue{
		Name: prefix + verification.Queue, Exchange: exchange, MaxPriority: priorities, Concurrency: 2,
		Retry: retry.Policy{MaxAttempts: 8, InitialInterval: 200 * time.Millisecond, MaxInterval: 10 * time.Second},
	})
	verify := handler.Typed(verification.Handler(send))
	verifications.Handle(event.SignedUp, verify)
	verifications.Handle(event.VerificationRequested, verify)

	statistics := w.Queue(worker.Queue{
		Name: prefix + analytics.Queue, Exchange: exchange, MaxPriority: priorities, Concurrency: 1, Prefetch: 20,
		Retry: retry.Policy{MaxAttempts: 3},
	})
	statistics.Handle("user.#", handler.Typed(count))
}
