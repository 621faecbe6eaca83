package handler

import (
	"cmp"
	"context"
	"reflect"

	"github.com/warren-mq/warren/message"
)

// Replier sends the replies of the handlers that Replies returns. The worker has one for each
// queue. It is safe for concurrent use.
type Replier interface {
	// Begin is called before a request is decoded. It returns the context for its function,
	// which ends when the caller no longer waits, or an error if that is so already. h is
	// the handler.
	Begin(ctx context.Context, m *message.Message, h Replying) (context.Context, context.CancelFunc, error)
	// Reply encodes v with c as the reply, which is sent if the message is acknowledged. It
	// does nothing if m has no reply-to.
	Reply(ctx context.Context, m *message.Message, v any, c Codec) error
}

// Replying is a handler whose function returns a reply.
type Replying interface {
	Handler
	// RepliesTo reports whether the handler replies to a queue that the reply-to of a message
	// names. It is not asked about addresses of direct reply-to, which it replies to.
	RepliesTo(queue string) bool
}

// WithReplyQueues has Replies also reply to queues, namely those for whose names allow returns true.
// By default it replies only to callers that use RabbitMQ's direct reply-to, as broker.Call does,
// because the publisher of a request chooses its reply-to: the name of any queue of the virtual
// host. Other handlers ignore the option.
func WithReplyQueues(allow func(queue string) bool) Option {
	return func(o *options) { o.replyQueues = allow }
}

type replying[Req, Resp any] struct {
	*typed[Req]
	fn func(context.Context, Req) (Resp, error)
}

// Replies returns a Handler that decodes the body into a Req as Typed does, with the same
// options, calls fn, and replies with what fn returns, encoded by the codec that decoded the
// request. The context of fn ends at the deadline of the call. A message without a reply-to is
// handled, too, and the returned value is dropped.
//
// The reply is sent when the message is acknowledged, and an error when no attempt follows: a
// permanent error at once, another error after the last attempt that the retry policy and the
// deadline allow. The message is then dead-lettered as usual. The caller receives the text of the
// error and its reason: the result of its method Reason() string, or one of message's Reason
// constants. Panics and the errors of middleware are sent, too, so none may contain a secret.
//
// A request that arrives after its deadline is discarded. Replies panics if fn is nil.
func Replies[Req, Resp any](fn func(context.Context, Req) (Resp, error), opts ...Option) Handler {
	if fn == nil {
		panic("handler: Replies got a nil function")
	}
	one := func(context.Context, Req) error { return nil }             // only its options are used
	return &replying[Req, Resp]{Typed(one, opts...).(*typed[Req]), fn} //nolint:errcheck,forcetypeassert // Typed returns no other type
}

// Handle calls the function, and passes its reply to the Replier of ctx, if there is one.
func (r *replying[Req, Resp]) Handle(ctx context.Context, m *message.Message) error {
	return replies(ctx, m, r, func(ctx context.Context) (any, Codec, error) {
		request, err := r.decode(ctx, m)
		if err != nil {
			return nil, nil, err
		}
		reply, err := r.fn(ctx, request)
		return reply, cmp.Or(pick(r.codecs, m.ContentType), r.codecs[0]), err // the first one with WithLenientContentType
	})
}

// replies calls fn, and passes what it returns to the Replier of ctx, if there is one.
func replies(ctx context.Context, m *message.Message, h Replying, fn func(context.Context) (any, Codec, error)) error {
	to, _ := ctx.Value(replierKey{}).(Replier)
	if to != nil {
		var end context.CancelFunc
		var err error
		if ctx, end, err = to.Begin(ctx, m, h); err != nil {
			return err
		}
		defer end()
	}
	reply, codec, err := fn(ctx)
	if err != nil || to == nil {
		return err
	}
	return to.Reply(ctx, m, reply, codec)
}

// ReplyType returns the type of the values that the function returns. Programs that describe a
// handler find the method by an interface.
func (r *replying[Req, Resp]) ReplyType() reflect.Type { return reflect.TypeFor[Resp]() }

// RepliesTo calls the function of WithReplyQueues.
func (r *replying[Req, Resp]) RepliesTo(queue string) bool {
	return r.replyQueues != nil && r.replyQueues(queue)
}

type replierKey struct{}

// WithReplier returns a copy of ctx from which the handlers of Replies take their Replier. The
// worker calls it; tests of handlers may call it too.
func WithReplier(ctx context.Context, r Replier) context.Context {
	return context.WithValue(ctx, replierKey{}, r)
}

// ReplyFunc is a function that handles a message and returns the reply, for handlers that make
// bodies themselves. As a Handler it is one of Replies in all other respects. Of the reply, the
// Body, ContentType, ContentEncoding and Headers are sent. Nil is a reply without a body.
type ReplyFunc func(ctx context.Context, m *message.Message) (reply *message.Message, err error)

// Handle calls f, and passes its reply to the Replier of ctx, if there is one.
func (f ReplyFunc) Handle(ctx context.Context, m *message.Message) error {
	return replies(ctx, m, f, func(ctx context.Context) (any, Codec, error) {
		reply, err := f(ctx, m)
		return reply, replyCodec{Raw()}, err
	})
}

// RepliesTo returns false: f replies only to addresses of direct reply-to.
func (f ReplyFunc) RepliesTo(string) bool { return false }

// replyCodec stores a reply that is a message already.
type replyCodec struct{ Codec }

// MarshalMessage stores the reply v in m.
func (replyCodec) MarshalMessage(_ context.Context, m *message.Message, v any) error {
	if reply, _ := v.(*message.Message); reply != nil {
		m.Body, m.ContentType, m.ContentEncoding, m.Headers = reply.Body, reply.ContentType, reply.ContentEncoding, reply.Headers
	}
	return nil
}
