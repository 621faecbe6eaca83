package middleware_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

// emission writes what becomes of it into a log.
type emission struct {
	log  *[]string
	name string
}

func (e emission) Message() *message.Message { return &message.Message{ID: e.name} }

func (e emission) Start(context.Context) (func() error, error) {
	*e.log = append(*e.log, "publish "+e.name)
	return func() error { return nil }, nil
}

func (e emission) Drop(context.Context) { *e.log = append(*e.log, "drop "+e.name) }

// TestWhatAHandlerEmitsBeforeAMiddlewareIsKept: the middleware wraps a part of a handler, which
// fails at first. Only messages of that part are dropped or published with it.
func TestWhatAHandlerEmitsBeforeAMiddlewareIsKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		wrap handler.Middleware
		err  error // of the second attempt
		want string
	}{
		{"Retry, with success", middleware.Retry(retry.Policy{MaxAttempts: 2}), nil, "drop part 1, publish before, publish part 2"},
		{"Retry, in vain", middleware.Retry(retry.Policy{MaxAttempts: 2}), errBoom, "drop part 1, drop part 2, drop before"},
		{"Dedupe within Retry", func(next handler.Handler) handler.Handler {
			return middleware.Retry(retry.Policy{MaxAttempts: 2})(middleware.Dedupe(dedupe.NewMemory(1<<40, 10))(next))
		}, nil, "drop part 1, publish part 2, publish before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log []string
				add := func(ctx context.Context, name string) {
					if err := emit.From(ctx).Add(emission{&log, name}); err != nil {
						t.Error(err)
					}
				}
				results, names := []error{errBoom, tt.err}, []string{"part 1", "part 2"}
				part := tt.wrap(handler.Func(func(ctx context.Context, _ *message.Message) error {
					add(ctx, names[0])
					err := results[0]
					names, results = names[1:], results[1:]
					return err
				}))
				c := emit.New(emit.Origin{})
				ctx := context.WithValue(t.Context(), emit.Key{}, c)
				add(ctx, "before")
				_ = c.Finish(ctx, part.Handle(ctx, &message.Message{ID: "1", Queue: "q"})) // the log shows the result
				if got := strings.Join(log, ", "); got != tt.want {
					t.Errorf("got %s; want %s", got, tt.want)
				}
			})
		})
	}
}
