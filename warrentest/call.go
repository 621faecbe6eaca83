package warrentest

import (
	"context"
	"sync"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	encoding "github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/reason"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Call calls h with a request as Handle does, without a broker, and returns what broker.Call
// returns to the caller: the reply, decoded as JSON, or a *broker.RemoteError if h fails. Each
// error counts as the one of the last attempt; Handle returns the error itself, which decides
// about retries. The request has no deadline. Call fails the test if h does not reply, because
// it is not made by handler.Replies or handler.ReplyFunc.
//
// To test the deadline, retries and dead letters of calls, use Run and broker.Call.
func Call[Reply any](tb testing.TB, h handler.Handler, request any, change ...func(*message.Message)) (Reply, error) {
	tb.Helper()
	var reply Reply
	m, err := call(tb, h, request, change)
	if err != nil {
		return reply, err
	}
	decode := handler.Typed(func(_ context.Context, v Reply) error {
		reply = v
		return nil
	})
	return reply, decode.Handle(tb.Context(), m)
}

// call returns the reply to a request.
func call(tb testing.TB, h handler.Handler, request any, change []func(*message.Message)) (*message.Message, error) {
	tb.Helper()
	r := &recorder{}
	replies := handler.Func(func(ctx context.Context, m *message.Message) error {
		return h.Handle(handler.WithReplier(ctx, r), m)
	})
	change = append([]func(*message.Message){func(m *message.Message) { m.ReplyTo, m.CorrelationID = replyTo, "1" }}, change...)
	if err := Handle(tb, replies, request, change...); err != nil {
		return nil, remoteError(err)
	}
	reply := r.taken()
	if reply == nil {
		tb.Fatalf("warrentest: Call: the handler has not replied, want one of handler.Replies or handler.ReplyFunc")
	}
	return reply, nil
}

// replyTo is an address as RabbitMQ makes it for direct reply-to.
const replyTo = "amq.rabbitmq.reply-to.test"

// remoteError returns what a caller gets if no attempt follows err.
func remoteError(err error) error {
	of := reason.Of(err)
	if retry.IsDiscard(err) {
		of = "" // the outcome has no reason
	}
	return &broker.RemoteError{Reason: reason.ForCaller(err, of), Message: record.Clip(err.Error(), record.MaxErrorText)}
}

// recorder is a handler.Replier that keeps the reply.
type recorder struct {
	mu    sync.Mutex
	reply *message.Message
}

// Begin returns ctx, because the request has no deadline.
func (*recorder) Begin(ctx context.Context, _ *message.Message, _ handler.Replying) (context.Context, context.CancelFunc, error) {
	return ctx, func() {}, nil
}

// Reply encodes v as the worker does.
func (r *recorder) Reply(ctx context.Context, m *message.Message, v any, c handler.Codec) error {
	reply := &message.Message{CorrelationID: m.CorrelationID}
	if err := encoding.Body(ctx, reply, v, c); err != nil {
		return retry.Permanent(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reply = reply
	return nil
}

func (r *recorder) taken() *message.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reply
}
