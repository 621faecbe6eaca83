package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

const (
	defaultLease  = 15 * time.Minute // of a handler without a time limit
	leaseMargin   = 10 * time.Second // of the lease beyond the handler's time limit
	busyPause     = 5 * time.Second  // before looking again at a message another worker has
	storePatience = 5 * time.Second  // for settling a claim, whatever became of ctx
)

// DedupeOption changes how Dedupe works.
type DedupeOption func(*claims)

// WithKey recognises duplicates by key instead of by queue and message id. A message whose
// key is empty is handled each time. Queues that share a store need different keys.
func WithKey(key func(*message.Message) string) DedupeOption {
	return func(d *claims) { d.key = key }
}

// WithLease sets the least time for which a claim is held if its worker dies. The default is
// the queue's Timeout plus 10 s, or 15 min if the queue has no Timeout; a shorter lease is
// extended to that. Set it where handling may take longer: with no Timeout, or with a Retry
// inside Dedupe, which may run the handler several times. If a lease ends while the handler
// runs, the message may be handled twice at once.
func WithLease(lease time.Duration) DedupeOption {
	return func(d *claims) { d.lease = lease }
}

// WithStoreLog logs to logger, instead of slog's default logger, when the store cannot
// settle a claim. The message's outcome is not affected.
func WithStoreLog(logger *slog.Logger) DedupeOption {
	return func(d *claims) { d.logger = logger }
}

type claims struct {
	store  dedupe.Store
	key    func(*message.Message) string
	lease  time.Duration
	logger *slog.Logger
}

// Dedupe handles each message once, for as long as store remembers it. A duplicate of a
// message that was handled is acknowledged without running the handler. A duplicate of a
// message that is being handled is snoozed for 5 s, since the first copy may still fail. A
// handler that fails, panics or releases the message releases the claim. A handler that
// outlasts its lease cannot settle the claim of the worker that has the message since.
//
// Dedupe loses no message: a message counts as handled only after its handler has returned
// nil, and the claim of a worker that died ends with its lease. A message may still be
// handled twice if the worker dies between the handler's return and the store's answer, or
// if the store forgets it. An error of Claim is the message's error; an error of Complete or
// Release is logged, since the handler has run.
//
// A message counts as handled only after the messages that its handler emitted are confirmed.
//
// The key is the queue and the message id, so that queues may share a store. A message
// without an id is handled each time. Dedupe panics if store is nil.
func Dedupe(store dedupe.Store, opts ...DedupeOption) handler.Middleware {
	if store == nil {
		panic("middleware: Dedupe got a nil store")
	}
	d := &claims{store: store, key: dedupe.Key}
	for _, opt := range opts {
		opt(d)
	}
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			if key := d.key(m); key != "" {
				return d.handle(ctx, next, m, key)
			}
			return next.Handle(ctx, m)
		})
	}
}

func (d *claims) handle(ctx context.Context, next handler.Handler, m *message.Message, key string) error {
	claim, token, err := d.store.Claim(ctx, key, d.leaseFor(ctx))
	if err != nil {
		return fmt.Errorf("middleware: dedupe: claim %q: %w", key, err)
	}
	switch claim {
	case dedupe.Won:
		return watch(ctx, confirmed(next), m, func(err error) { d.settle(ctx, key, token, err) })
	case dedupe.Busy:
		return retry.Snooze(busyPause)
	case dedupe.Done:
		return nil
	}
	return fmt.Errorf("middleware: dedupe: claim %q: the store answered %d, want Won, Busy or Done", key, claim)
}

// confirmed publishes what next has emitted, so that the claim is completed after that also if
// Dedupe wraps a single handler.
func confirmed(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		emitted := emit.From(ctx)
		before := emitted.Mark()
		err := next.Handle(ctx, m)
		return emitted.Flush(ctx, before, err)
	})
}

// leaseFor returns a lease that outlasts the handler: by the queue's timeout, which begins
// inside of Dedupe, and by a deadline that ctx has already.
func (d *claims) leaseFor(ctx context.Context) time.Duration {
	lease := d.lease
	if limit, ok := handler.TimeLimit(ctx); ok {
		lease = max(lease, limit+leaseMargin)
	}
	if deadline, ok := ctx.Deadline(); ok {
		lease = max(lease, time.Until(deadline)+leaseMargin)
	}
	if lease <= 0 {
		return defaultLease
	}
	return lease
}

// settle calls the store even if ctx is done, as it is after the worker's grace.
func (d *claims) settle(ctx context.Context, key string, token dedupe.Token, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	verb, settle := "complete", d.store.Complete
	if err != nil {
		verb, settle = "release", d.store.Release
	}
	if err := settle(ctx, key, token); err != nil {
		logger := d.logger
		if logger == nil {
			logger = slog.Default()
		}
		logger.WarnContext(ctx, "dedupe: cannot "+verb+" a claim", "key", key, "error", err)
	}
}
