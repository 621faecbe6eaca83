package worker

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/internal/telemetry"
)

// maxBatch is the most messages of a batch: each has a goroutine.
const maxBatch = 10_000

// HandleBatch registers h as Handle registers a handler. h handles up to size messages (1 to 10,000)
// by one call: as soon as size of them are in hand, when the first has waited for wait, or when the
// worker stops. HandleBatch multiplies Concurrency by size, so that this many whole batches are in
// hand, and the prefetch follows. For SetConcurrency it is still the number of messages. Concurrency
// also limits the calls at a time: a batch that waits for another one to end takes more messages
// until it is full.
//
// Each message keeps its own attempts, retries, dead letter, middleware and span. Timeout
// includes wait, and the wait for another call to end; a message that was not handled by then is
// retried after 1 s, and no attempt is spent. A message that overran Timeout in a call is handled alone
// in its next attempt.
//
// h may return a handler.BatchError, which names the messages that failed. An error made by
// retry.Snooze or retry.After postpones all of them. After another error h is called with parts of the
// batch until each message has its own result, by at most 2·size-1 calls. If none of these calls succeeds
// and four messages have failed alone, the cause is taken to be common, such as a database that is down.
// Messages that failed for the first time are then retried without another call, unless it was their last
// attempt.
//
// h cannot emit messages: Publisher.Emit returns broker.ErrNoHandler. It has no checkpoints: checkpoint.Save
// returns an error.
//
// HandleBatch panics as Handle does, and if size or wait is out of range: wait must be shorter than
// Timeout, so that a message that comes alone is handled.
func (q *Subscription) HandleBatch(pattern string, h handler.BatchHandler, size int, wait time.Duration) {
	if h == nil || size < 1 || size > maxBatch || wait <= 0 {
		panic(fmt.Sprintf("worker: HandleBatch of %q: want a handler, a size of 1 to %d (got %d) and a wait above 0 (got %v)", pattern, maxBatch, size, wait))
	}
	if q.config.Timeout > 0 && wait >= q.config.Timeout {
		panic(fmt.Sprintf("worker: HandleBatch of %q: wait is %v, want less than the Timeout of queue %s, %v", pattern, wait, q.config.Name, q.config.Timeout))
	}
	if q.slots == nil {
		q.slots = &batch.Slots{Most: q.batches}
	}
	last := func(attempt int) bool { return q.handling()[0].policy().Exhausted(attempt) }
	q.Handle(pattern, &batch.Collector{Handler: h, Size: size, Wait: wait, Slots: q.slots, Last: last, Call: safely, Begin: q.beginBatch})
	if size > q.batch {
		q.config.Concurrency = q.config.Concurrency / max(q.batch, 1) * size
		for _, h := range q.handling() {
			h.config.Concurrency, h.concurrency = q.config.Concurrency, q.config.Concurrency
		}
		q.batch = size
	}
}

// hasBatches reports whether a handler of the queue, or of the queue that q is a partition of, has
// batches.
func (q *Subscription) hasBatches() bool {
	if q.whole != nil {
		q = q.whole
	}
	return q.batch > 0
}

// batches returns how many batches may be handled at a time.
func (q *Subscription) batches() (n int) {
	for _, h := range q.handling() {
		if _, concurrency := h.wanted(); !h.isElsewhere() {
			n += max(concurrency/q.batch, 1)
		}
	}
	return max(n, 1)
}

// grantSlots begins waiting batches, after the result of batches has risen.
func (q *Subscription) grantSlots() {
	if q.slots != nil {
		q.slots.Grant()
	}
}

// beginBatch begins the span of a batch, which is linked to the spans of its messages.
func (q *Subscription) beginBatch(ctx context.Context, members []context.Context) (context.Context, func(error)) {
	var links []trace.Link
	for _, member := range members {
		if s := trace.SpanContextFromContext(member); s.IsValid() {
			links = append(links, trace.Link{SpanContext: s})
		}
	}
	//nolint:spancheck // the returned function ends it
	ctx, span := telemetry.Tracer(q.worker.config.TracerProvider).Start(ctx, "batch "+q.config.Name, trace.WithLinks(links...), trace.WithAttributes(
		semconv.MessagingSystemRabbitMQ, semconv.MessagingDestinationName(q.config.Name), semconv.MessagingBatchMessageCount(len(members))))
	return ctx, func(err error) { //nolint:spancheck // see above
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
