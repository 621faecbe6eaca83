package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/brokertest"
	"github.com/warren-mq/warren/examples/signup/internal/demo"
	"github.com/warren-mq/warren/internal/rabbit"
)

// start runs a demo on the tests' broker until the test ends.
func start(tb testing.TB) *demo.Demo {
	tb.Helper()
	return startWith(tb, "")
}

// startWith is like start, and sends the mails to smtp unless that is empty.
func startWith(tb testing.TB, smtp string) *demo.Demo {
	tb.Helper()
	prefix := rabbit.Queue(tb) + "."
	ch := rabbit.Channel(tb, rabbit.URL(tb))
	tb.Cleanup(func() { brokertest.Remove(tb, ch, prefix) })
	d, err := demo.New(tb.Context(), demo.Config{
		Broker: rabbit.URL(tb), Data: tb.TempDir(), Prefix: prefix, SMTP: smtp, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		for _, err := range []error{<-done, d.Close()} {
			if err != nil {
				tb.Error(err)
			}
		}
	})
	rabbit.Eventually(tb, time.Minute, d.Ready, "every queue has its consumer")
	return d
}

// post signs up a visitor, and returns how long the answer took.
func post(tb testing.TB, client *http.Client, url, email string) time.Duration {
	tb.Helper()
	body, err := json.Marshal(account.Input{Email: email, Name: "V", Password: "correct horse"})
	if err != nil {
		tb.Fatal(err)
	}
	begun := time.Now()
	answer, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	took := time.Since(begun)
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusCreated {
		tb.Fatalf("%s: %s %v", url, answer.Status, err)
	}
	return took
}
