package warrentest_test

import (
	"errors"
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// The same broker tests code that publishes, including its errors.
func ExampleBroker_Config() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))

	pub := broker.NewPublisher(b.Config(), "events")
	defer func() { fmt.Println("closed:", pub.Close()) }()
	fmt.Println("published:", pub.Publish(t.Context(), "user.signed_up", SignedUp{Email: "alice@example.com"}))
	err := pub.Publish(t.Context(), "user.left", SignedUp{Email: "alice@example.com"})
	fmt.Println("unroutable:", errors.Is(err, broker.ErrUnroutable))

	b.WaitIdle()
	fmt.Println("handled:", len(run.Outcomes("welcome-email")) > 0)
	// Output:
	// published: <nil>
	// unroutable: true
	// handled: true
	// closed: <nil>
}

// Events returns all events of a worker; the example counts the sessions that it opened.
func ExampleRunning_Events() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))
	sessions := 0
	for _, e := range run.Events() {
		if _, ok := e.(worker.SessionUp); ok {
			sessions++
		}
	}
	fmt.Println(sessions, "sessions")
	// Output: 2 sessions
}
