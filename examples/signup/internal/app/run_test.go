package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/internal/rabbit"
)

func config(t *testing.T, url string) app.Config {
	t.Helper()
	return app.Config{
		Broker: broker.Config{URL: url}, Data: t.TempDir(), SMTP: "smtp://127.0.0.1:1", Secret: []byte("s"),
		Site: "http://test", Prefix: rabbit.Queue(t) + ".", Logger: slog.New(slog.DiscardHandler),
	}
}

func TestAServiceThatCannotBeServedEnds(t *testing.T) {
	t.Parallel()
	a, err := app.New(t.Context(), config(t, "amqp://127.0.0.1:1/"), app.Service) // no broker listens there
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context(), l, a.Handler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoConnectionIsOpenedForAnInvalidBroker(t *testing.T) {
	t.Parallel()
	for _, role := range app.Roles() {
		_, err := app.New(t.Context(), config(t, "http://user:secret@b/"), role)
		if err == nil || !strings.Contains(err.Error(), "broker URL") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got error %v, want one about the URL, without the password", role, err)
		}
	}
}

func TestRemoveDeletesOnlyTheQueuesOfTheDemo(t *testing.T) {
	t.Parallel()
	c := config(t, rabbit.URL(t))
	a, err := app.New(t.Context(), c, app.Roles()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, nil, nil) }()
	<-a.Worker().Ready()
	stop()
	ch, other := rabbit.Channel(t, rabbit.URL(t)), "other-"+rabbit.Queue(t)
	if _, err := ch.QueueDeclare(other, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{<-done, a.Close(), app.Remove(t.Context(), c.Broker, c.Prefix)} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := ch.QueueDeclarePassive(other, true, false, false, false, nil); err != nil {
		t.Fatalf("a queue without the prefix was deleted: %v", err)
	}
	if _, err := ch.QueueDelete(other, false, false, false); err != nil {
		t.Error(err)
	}
	if err := ch.ExchangeDelete(c.Prefix+event.Exchange, false, false); err != nil {
		t.Error(err)
	}
	for _, q := range app.Queues() {
		ch := rabbit.Channel(t, rabbit.URL(t)) // the answer closes it
		if _, err := ch.QueueDeclarePassive(c.Prefix+q, true, false, false, false, nil); err == nil || !strings.Contains(err.Error(), "NOT_FOUND") {
			t.Errorf("%s: got %v, want that the queue does not exist", q, err)
		}
	}
}
