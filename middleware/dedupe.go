package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
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

// WithKey tells duplicates by key instead of queue and message id. A message whose
// key is empty just runs. Queues that share a store need keys that differ.
func WithKey(key func(*message.Message) string) DedupeOption {
	return func(d *claims) { d.key = key }
}

// WithLease sets how long a claim holds at least if its worker dies. Without it the lease
// is the queue's Timeout and 10s more, or 15min if the queue has none; with it, it is
// never shorter than that. Set it where a handler may take longer: with no Timeout, or
// with a Retry inside Dedupe, which may run the handler several times. When a lease ends
// early, the message may be handled twice at once.
func WithLease(lease time.Duration) DedupeOption {
	return func(d *claims) { d.lease = lease }
}

// WithStoreLog writes to logger, and not to slog's default logger, when the store
// cannot settle a claim. That is no error of the message.
func WithStoreLog(logger *slog.Logger) DedupeOption {
	return func(d *claims) { d.logger = logger }
}

type claims struct {
	store  dedupe.Store
	key    func(*message.Message) string
	lease  time.Duration
	logger *slog.Logger
}

// Dedupe handles each message once as far as store remembers: a duplicate of one
// that was handled is done without running the handler. A duplicate of one that is
// being handled is snoozed for a few seconds, for its twin may yet fail. A handler
// that fails, panics or gives the message back releases the claim. A handler that
// outlasts its lease changes nothing for the worker that has claimed the message since.
//
// No message is lost by it: a message counts as handled only after its handler
// returned nil, and the claim of a worker that died ends with its lease. Duplicates
// remain possible, if the worker dies between the handler's return and the store's
// answer, or the store forgets. An error of Claim is the message's error; one of
// Complete or Release is logged, since the handler has run.
//
// A key is the queue and the message id, so that queues may share a store; a
// message without an id just runs. Dedupe panics if store is nil.
func Dedupe(store dedupe.Store, opts ...DedupeOption) handler.Middleware {
	if store == nil {
		panic("middleware: Dedupe got a nil store")
	}
	d := &claims{store: store, key: queueAndID}
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

func queueAndID(m *message.Message) string {
	if m.ID == "" {
		return ""
	}
	return m.Queue + "/" + m.ID
}

func (d *claims) handle(ctx context.Context, next handler.Handler, m *message.Message, key string) error {
	claim, token, err := d.store.Claim(ctx, key, d.leaseFor(ctx))
	if err != nil {
		return fmt.Errorf("middleware: dedupe: claim %q: %w", key, err)
	}
	switch claim {
	case dedupe.Won:
		return watch(ctx, next, m, func(err error) { d.settle(ctx, key, token, err) })
	case dedupe.Busy:
		return retry.Snooze(busyPause)
	case dedupe.Done:
		return nil
	}
	return fmt.Errorf("middleware: dedupe: claim %q: the store answered %d, want Won, Busy or Done", key, claim)
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

// settle must reach the store even if ctx is done, as it is when the worker's grace
// has ended.
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
