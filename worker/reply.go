package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/reason"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// request is what an attempt of a request has that no other message has.
type request struct {
	handler handler.Replying
	reply   *message.Message // what the handler returned; nil before
}

// replier is the handler.Replier of a queue.
type replier struct{}

// ExpiredError is the error of a request whose caller no longer waits. The request is discarded.
type ExpiredError struct{ Deadline time.Time }

// Error returns a text with the deadline.
func (e *ExpiredError) Error() string {
	return "worker: the caller no longer waits: the deadline was " + e.Deadline.UTC().Format(time.RFC3339Nano)
}

// errCallerGone is the cause of a handler's context that ends at the deadline of the call.
var errCallerGone = fmt.Errorf("worker: the caller no longer waits: %w", context.DeadlineExceeded)

func (replier) Begin(ctx context.Context, m *message.Message, h handler.Replying) (context.Context, context.CancelFunc, error) {
	if a, found := ctx.Value(attemptKey{}).(*attempt); found {
		a.setRequest(&request{handler: h})
	}
	deadline, limited := record.Deadline(m)
	switch {
	case !limited:
		return ctx, func() {}, nil
	case !time.Now().Before(deadline):
		return nil, nil, retry.Discard(&ExpiredError{deadline})
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errCallerGone)
	return ctx, cancel, nil
}

func (replier) Reply(ctx context.Context, m *message.Message, v any, c handler.Codec) error {
	a, found := ctx.Value(attemptKey{}).(*attempt)
	if !found || m.ReplyTo == "" {
		return nil
	}
	reply, err := newReply(&a.Message)
	if err != nil {
		return err
	}
	if err := encode.Body(ctx, reply, v, c); err != nil {
		return retry.Permanent(fmt.Errorf("worker: encode the reply, a %T: %w", v, err))
	}
	a.setRequest(&request{handler: a.getRequest().handler, reply: reply})
	return nil
}

func (a *attempt) setRequest(c *request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.request = c
}

func (a *attempt) getRequest() *request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.request
}

// newReply returns a reply to m without a body.
func newReply(m *message.Message) (*message.Message, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("worker: message id of a reply: %w", err)
	}
	return &message.Message{
		ID: id.String(), RoutingKey: m.ReplyTo, CorrelationID: cmp.Or(m.CorrelationID, m.ID), Timestamp: time.Now(), Transient: true,
	}, nil
}

// requestOf returns the request of a, or nil if its handler does not reply. A middleware may have
// failed before the handler was called.
func (q *Subscription) requestOf(a *attempt) *request {
	if c := a.getRequest(); c != nil {
		return c
	}
	h, _, _ := q.mux.Match(a.Message.RoutingKey)
	if h, replies := h.(handler.Replying); replies {
		return &request{handler: h}
	}
	return nil
}

// answer replies to a request if out is final. A retry that would begin after the deadline is
// not made: the message is dead-lettered as after the last attempt. It returns the outcome.
func (q *Subscription) answer(a *attempt, out Outcome) Outcome {
	if a.Message.ReplyTo == "" {
		return out
	}
	c := q.requestOf(a)
	if c == nil {
		return out
	}
	deadline, limited := record.Deadline(&a.Message)
	if out.Verdict == Retry && limited && !time.Now().Add(out.Delay).Before(deadline) {
		out.Verdict, out.Delay, out.Reason = DeadLetter, 0, cmp.Or(out.Reason, message.ReasonError)
	}
	switch {
	case limited && !time.Now().Before(deadline): // the caller no longer waits
	case out.Verdict == Ack && c.reply != nil:
		q.reply(a, c)
	case out.Verdict == DeadLetter || out.Verdict == Discard:
		if reply, err := failedReply(a, out); err == nil {
			q.reply(a, &request{handler: c.handler, reply: reply})
		}
	default:
	}
	return out
}

// failedReply returns the reply of a request that failed for good.
func failedReply(a *attempt, out Outcome) (*message.Message, error) {
	reply, err := newReply(&a.Message)
	if err != nil {
		return nil, err
	}
	reply.Headers = message.Headers{
		record.HeaderReason: reason.ForCaller(out.Err, out.Reason), record.HeaderError: record.Clip(out.Err.Error(), record.MaxErrorText),
	}
	return reply, nil
}

// reply sends the reply of c. It waits for the publishing connection, but not for the confirm. A
// reply that cannot be sent affects the message in no way: the caller may be gone.
func (q *Subscription) reply(a *attempt, c *request) {
	to := a.Message.ReplyTo
	if err := checkReplyTo(c.handler, to); err != nil {
		q.worker.emit(ReplyFailed{Queue: q.config.Name, Message: &a.Message, Err: err, Span: a.span})
		return
	}
	ctx, cancel := q.replyContext(a)
	if deadline, limited := record.Deadline(&a.Message); limited {
		left := min(max(time.Until(deadline), time.Millisecond), maxReplyExpiration)
		c.reply.Expiration = strconv.FormatInt(left.Milliseconds(), 10)
	}
	ctx, span := q.worker.connections.tracer.Start(ctx, c.reply)
	wait := q.worker.connections.sender.StartUntil(ctx, "", to, c.reply)
	q.pool.goroutines.Go(func() {
		defer cancel()
		err := wait(ctx)
		span.End(err)
		if err != nil {
			q.worker.emit(ReplyFailed{Queue: q.config.Name, Message: &a.Message, Err: err, Span: a.span})
		}
	})
}

// checkReplyTo returns an error if h does not reply to the address, or panics about it.
func checkReplyTo(h handler.Replying, to string) error {
	return safely(func() error {
		if amqp.IsReplyAddress(to) || h.RepliesTo(to) {
			return nil
		}
		return errReplyQueue
	})
}

// errReplyQueue is the error of a reply to a queue that its handler does not reply to.
var errReplyQueue = errors.New("worker: the reply-to is not an address of direct reply-to; to reply to queues, use handler.WithReplyQueues")

// replyTimeout bounds a reply to a caller without a deadline.
const replyTimeout = 30 * time.Second

// maxReplyExpiration bounds how long a reply waits in the queue of its caller. The broker closes the
// channel for more than ten years, such as for a deadline that a caller gave in nanoseconds.
const maxReplyExpiration = 24 * time.Hour

// replyContext ends at the deadline of the call. It is a child of the span in which the request
// was handled.
func (q *Subscription) replyContext(a *attempt) (context.Context, context.CancelFunc) {
	deadline, limited := record.Deadline(&a.Message)
	if !limited {
		deadline = time.Now().Add(replyTimeout)
	}
	return context.WithDeadline(trace.ContextWithSpanContext(q.inHand, a.span), deadline)
}
