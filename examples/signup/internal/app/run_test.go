package app_test

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
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
	a, err := app.New(t.Context(), config(t, "amqp://127.0.0.1:1/"), app.Service) // nobody is there
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

func TestNothingIsOpenedForABrokerThatIsNone(t *testing.T) {
	t.Parallel()
	for _, role := range app.Roles() {
		_, err := app.New(t.Context(), config(t, "http://user:secret@b/"), role)
		if err == nil || !strings.Contains(err.Error(), "broker URL") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want what is wrong with the URL, without the password", role, err)
		}
	}
}
