package warrentest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

type SignedUp struct {
	Email string `json:"email"`
}

// A program is easy to test if a function creates its worker from the broker's configuration.
func newWorker(b broker.Config) *worker.Worker {
	w := worker.New(worker.Config{Broker: b})
	welcome := w.Queue(worker.Queue{
		Name: "welcome-email", Exchange: "events",
		Retry: retry.Policy{MaxAttempts: 3, InitialInterval: 100 * time.Millisecond, RandomizationFactor: -1},
	})
	welcome.Handle("user.signed_up", handler.Typed(sendWelcome))
	return w
}

var errBounced = errors.New("the mailbox does not exist")

// sendWelcome succeeds at the second attempt, unless the mailbox does not exist.
func sendWelcome(ctx context.Context, u SignedUp) error {
	switch {
	case u.Email == "":
		return retry.Permanent(errBounced)
	case message.FromContext(ctx).Attempt == 1:
		return errors.New("the mail server is busy")
	}
	return nil
}

// The worker and its broker run in the test. The outcomes of a message are plain values.
func Example() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))

	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"})
	b.WaitIdle()

	got := run.Outcomes("welcome-email")
	want := []warrentest.Outcome{
		{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: 100 * time.Millisecond},
		{Attempt: 2, Verdict: worker.Ack},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	fmt.Println(got)
	// Output: [attempt 1: retry in 100ms (error) attempt 2: ack]
}
