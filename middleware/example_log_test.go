package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

func ExampleLog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{} // never twice the same
			}
			return a
		},
	}))
	h := middleware.Log(logger)(handler.Func(func(context.Context, *message.Message) error {
		return errors.New("mailbox is full")
	}))
	m := &message.Message{ID: "7", Queue: "welcome-email", RoutingKey: "user.signed_up", Attempt: 1}
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// level=WARN msg=failed id=7 queue=welcome-email key=user.signed_up attempt=1 error="mailbox is full"
	// mailbox is full
}
