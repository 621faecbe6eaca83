package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/outbox"
)

// childVariable makes the test binary the program itself.
const childVariable = "SIGNUP_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// The runner declares what the service declares, or one of them would fail, and does
// what the service's own workers do.
func TestTheRunnerDoesTheWorkOfTheWorkers(t *testing.T) {
	node, data := rabbit.Start(t), t.TempDir()
	c, err := catcher.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	var logged bytes.Buffer
	workers := exec.Command(os.Args[0], "run", "-c", "../../config.yaml")
	workers.Env = append(os.Environ(), childVariable+"=1", "AMQP_URL="+node.URL(), "SMTP_URL="+c.URL(),
		"SIGNUP_SECRET=s", "SIGNUP_DATA="+data, "DATABASE_URL=")
	workers.Stdout, workers.Stderr = &logged, &logged
	if err := workers.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end := func() {
		once.Do(func() {
			if err := workers.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if err := workers.Wait(); err != nil {
				t.Errorf("the workers ended with %v\n%s", err, &logged)
			}
		})
	}
	t.Cleanup(end)
	a := relay(t, node.URL(), data, c)
	alice := account.New(account.Input{Email: "alice@example.com", Name: "Alice"}, "none")
	e := event.SignedUp{AccountID: alice.ID, Email: alice.Email, Name: alice.Name, At: alice.CreatedAt}
	told := func(account.Account) []outbox.Message {
		return []outbox.Message{
			{Exchange: event.Exchange, Key: event.SignedUpKey, Body: e},
			{Exchange: event.Exchange, Key: event.SignUpKnownKey, Body: event.SignUpKnown{ID: "again", Email: alice.Email, Name: alice.Name}},
		}
	}
	if _, err := a.Accounts().Add(t.Context(), alice, told); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool {
		counted, _ := a.Counter().Total(t.Context()) // busy is not there yet
		trials, _ := a.Book().Trials(t.Context())
		return counted == 1 && trials == 1 && len(c.Inbox(alice.Email, 5)) == 3
	}, "three mails, a count and a trial")
	end()
}

// relay relays the outbox in data until the test ends.
func relay(t *testing.T, url, data string, c *catcher.Catcher) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), app.Config{
		Broker: broker.Config{URL: url}, Data: data, SMTP: c.URL(), Logger: slog.New(slog.DiscardHandler),
	}, app.Relay)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- a.Run(ctx, nil, nil) }()
	t.Cleanup(func() { // t.Context() has ended
		for _, err := range []error{<-done, a.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return a
}
