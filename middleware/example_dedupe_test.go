package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// The broker may deliver a message twice; the mail is sent once.
func ExampleDedupe() {
	store := dedupe.NewMemory(time.Hour, 100_000)
	h := middleware.Dedupe(store)(handler.Func(func(_ context.Context, m *message.Message) error {
		fmt.Println("mail for", m.ID)
		return nil
	}))
	m := &message.Message{ID: "018f3c", Queue: "welcome-email"}
	fmt.Println(h.Handle(context.Background(), m))
	fmt.Println(h.Handle(context.Background(), m))
	// Output:
	// mail for 018f3c
	// <nil>
	// <nil>
}

// A key of the message's own replaces the queue and the message id.
func ExampleWithKey() {
	store := dedupe.NewMemory(time.Hour, 100_000)
	once := middleware.Dedupe(store,
		middleware.WithKey(func(m *message.Message) string { return m.CorrelationID }),
		middleware.WithLease(time.Minute),
		middleware.WithStoreLog(slog.Default()))
	h := once(handler.Func(func(_ context.Context, m *message.Message) error {
		fmt.Println("mail for", m.CorrelationID)
		return nil
	}))
	for range 2 {
		fmt.Println(h.Handle(context.Background(), &message.Message{CorrelationID: "order-7"}))
	}
	// Output:
	// mail for order-7
	// <nil>
	// <nil>
}
