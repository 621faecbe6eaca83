package warrentest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
)

func TestHandleDecodesTheBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body any
		want string
	}{
		{"a value goes as JSON", SignedUp{"alice@example.com"}, "alice@example.com"},
		{"bytes go as they are", []byte("{}"), "handler: decode content type \"application/octet-stream\": no codec accepts it, want application/json"},
		{"a value of another shape is a bad body", map[string]int{"email": 7}, "cannot unmarshal number"},
		{"what does not pass validation is one, too", SignedUp{}, "handler: invalid payload: no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := handler.Typed(func(_ context.Context, u SignedUp) error { return errors.New(u.Email) }, handler.WithValidate(validate))
			if err := warrentest.Handle(t, h, tt.body); !contains(err, tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func validate(v any) error {
	if v == (SignedUp{}) {
		return errors.New("no address")
	}
	return nil
}

func TestHandleGivesTheHandlerItsMessage(t *testing.T) {
	t.Parallel()
	var first, changed message.Message
	note := func(to *message.Message) handler.Handler {
		return handler.Typed(func(ctx context.Context, _ SignedUp) error {
			*to = *message.FromContext(ctx)
			return context.Cause(ctx)
		})
	}
	if err := warrentest.Handle(t, note(&first), SignedUp{}); err != nil || first.Attempt != 1 || string(first.Body) != `{"email":""}` {
		t.Errorf("got %v and %+v, want the first attempt", err, first)
	}
	err := warrentest.Handle(t, note(&changed), SignedUp{}, func(m *message.Message) {
		m.Attempt, m.Headers = 3, message.Headers{"tenant": "acme"}
	}, func(m *message.Message) { m.RoutingKey = "user.signed_up" })
	if err != nil || changed.Attempt != 3 || changed.Headers.String("tenant") != "acme" || changed.RoutingKey != "user.signed_up" {
		t.Errorf("got %v and %+v, want what was changed", err, changed)
	}
}

func TestHandlePassesBytesAsTheyAre(t *testing.T) {
	t.Parallel()
	plain := handler.Func(func(_ context.Context, m *message.Message) error { return fmt.Errorf("%s %s", m.Body, m.ContentType) })
	if err := warrentest.Handle(t, plain, []byte("raw")); !contains(err, "raw application/octet-stream") {
		t.Errorf("got %v, want the body and its type", err)
	}
}

func TestHandleFailsTheTestForAnInvalidBody(t *testing.T) {
	t.Parallel()
	wantFailure(t, func(tb testing.TB) {
		_ = warrentest.Handle(tb, handler.Func(func(context.Context, *message.Message) error { return nil }), make(chan int))
		tb.Errorf("the test went on")
	}, "warrentest: encode chan int: ")
}

func contains(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}
