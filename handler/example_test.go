package handler_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// A handler is an ordinary function of the decoded value. What it wants to know
// of the message it asks the context.
func ExampleTyped() {
	type SignedUp struct {
		Email string `json:"email"`
	}
	h := handler.Typed(func(ctx context.Context, u SignedUp) error {
		fmt.Println("welcome", u.Email, "in attempt", message.FromContext(ctx).Attempt)
		return nil
	})

	m := &message.Message{ContentType: "application/json", Body: []byte(`{"email":"alice@example.com"}`), Attempt: 1}
	fmt.Println(h.Handle(message.NewContext(context.Background(), m), m))
	m.Body = []byte(`{"email":7}`)
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// welcome alice@example.com in attempt 1
	// <nil>
	// handler: decode content type "application/json": at byte 10 of 11: json: cannot unmarshal number into Go struct field SignedUp.email of type string
}

// The value that the function returns is the reply. Outside a worker it is dropped.
func ExampleReplies() {
	type Question struct{ Article string }
	h := handler.Replies(func(_ context.Context, q Question) (int, error) {
		fmt.Println("asked for the price of", q.Article)
		return 350, nil
	})
	m := &message.Message{ContentType: "application/json", Body: []byte(`{"Article":"tea"}`)}
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// asked for the price of tea
	// <nil>
}

// Replies to queues are sent only if the handler allows the queue.
func ExampleWithReplyQueues() {
	h := handler.Replies(func(context.Context, int) (int, error) { return 1, nil },
		handler.WithReplyQueues(func(queue string) bool { return strings.HasPrefix(queue, "replies.") }))
	if replying, ok := h.(handler.Replying); ok {
		fmt.Println(replying.RepliesTo("replies.shop"), replying.RepliesTo("orders"))
	}
	// Output: true false
}

// printer is a Replier for tests.
type printer struct{}

func (printer) Begin(ctx context.Context, _ *message.Message, _ handler.Replying) (context.Context, context.CancelFunc, error) {
	return ctx, func() {}, nil
}

func (printer) Reply(_ context.Context, m *message.Message, v any, _ handler.Codec) error {
	fmt.Println("reply to", m.ReplyTo, "is", v)
	return nil
}

// A test of a handler may take its reply.
func ExampleWithReplier() {
	h := handler.Replies(func(_ context.Context, n int) (int, error) { return n * n, nil })
	ctx := handler.WithReplier(context.Background(), printer{})
	fmt.Println(h.Handle(ctx, &message.Message{ReplyTo: "caller", Body: []byte("7")}))
	// Output:
	// reply to caller is 49
	// <nil>
}

// A ReplyFunc makes the body of the reply itself.
func ExampleReplyFunc() {
	h := handler.ReplyFunc(func(_ context.Context, m *message.Message) (*message.Message, error) {
		fmt.Println("asked for", string(m.Body))
		return &message.Message{Body: []byte("article,cents\ntea,350\n"), ContentType: "text/csv"}, nil
	})
	fmt.Println(h.Handle(context.Background(), &message.Message{Body: []byte("tea")}))
	// Output:
	// asked for tea
	// <nil>
}

func ExampleWithCodec() {
	h := handler.Typed(func(_ context.Context, csv string) error {
		fmt.Println(csv)
		return nil
	}, handler.WithCodec(handler.Raw()))
	fmt.Println(h.Handle(context.Background(), &message.Message{ContentType: "text/csv", Body: []byte("a,b")}))
	// Output:
	// a,b
	// <nil>
}

// The most specific pattern wins.
func ExampleMux() {
	var m handler.Mux
	none := handler.Func(func(context.Context, *message.Message) error { return nil })
	m.Handle("#", none)
	m.Handle("user.*", none)
	m.Handle("user.signed_up", none)
	for _, key := range []string{"user.signed_up", "user.deleted", "order.42.paid"} {
		_, pattern, _ := m.Match(key)
		fmt.Println(key, "→", pattern)
	}
	// Output:
	// user.signed_up → user.signed_up
	// user.deleted → user.*
	// order.42.paid → #
}

// Code that only waits stops waiting when the worker begins to drain.
func ExampleStopping() {
	wait := func(ctx context.Context, ready <-chan struct{}) error {
		select {
		case <-ready:
			return nil
		case <-handler.Stopping(ctx):
			return handler.ErrStopping
		}
	}
	stopping := make(chan struct{})
	close(stopping)
	fmt.Println(wait(handler.WithStopping(context.Background(), stopping), nil))
	// Output: handler: the worker is stopping
}

// Some publishers send JSON as text/plain.
func ExampleWithLenientContentType() {
	h := handler.Typed(func(_ context.Context, name string) error {
		fmt.Println("hello,", name)
		return nil
	}, handler.WithLenientContentType())
	m := &message.Message{ContentType: "text/plain; charset=iso-8859-1", Body: []byte("\"Zo\xeb\"")}
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// hello, Zoë
	// <nil>
}

// A function can check each decoded value. An invalid message is dead-lettered.
func ExampleWithValidate() {
	positive := func(v any) error {
		if n, ok := v.(int); ok && n < 1 {
			return fmt.Errorf("got %d, want 1 or more", n)
		}
		return nil
	}
	h := handler.Typed(func(context.Context, int) error { return nil },
		handler.WithCodec(handler.JSON()), handler.WithValidate(positive))
	fmt.Println(h.Handle(context.Background(), &message.Message{ContentType: "application/json", Body: []byte("0")}))
	// Output:
	// handler: invalid payload: got 0, want 1 or more
}

// The first middleware is the outermost.
func ExampleChain() {
	named := func(name string) handler.Middleware {
		return func(next handler.Handler) handler.Handler {
			return handler.Func(func(ctx context.Context, m *message.Message) error {
				fmt.Println(name)
				return next.Handle(ctx, m)
			})
		}
	}
	h := handler.Func(func(context.Context, *message.Message) error { return nil })
	fmt.Println(handler.Chain(h, named("first"), named("second")).Handle(context.Background(), new(message.Message)))
	// Output:
	// first
	// second
	// <nil>
}

// A worker sets the limit of a handler. A test of the handler can set it too.
func ExampleTimeLimit() {
	ctx := handler.WithTimeLimit(context.Background(), time.Minute)
	fmt.Println(handler.TimeLimit(ctx))
	// Output:
	// 1m0s true
}

// An item that fails does not take the others along.
func ExampleBatch() {
	h := handler.Batch(func(_ context.Context, rows []int) error {
		for i, row := range rows {
			if row < 0 {
				return handler.BatchError{i: fmt.Errorf("row %d is negative", row)}
			}
		}
		fmt.Println("stored", rows)
		return nil
	})
	ctx := context.Background()
	item, err := h.Decode(ctx, &message.Message{ContentType: "application/json", Body: []byte("7")})
	fmt.Println(item, err)
	fmt.Println(h.HandleBatch(ctx, []any{7, 8}))
	fmt.Println(h.HandleBatch(ctx, []any{7, -8}))
	// Output:
	// 7 <nil>
	// stored [7 8]
	// <nil>
	// handler: 1 items of a batch failed; item 1: row -8 is negative
}
