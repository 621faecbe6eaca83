package warrentest_test

import (
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/warrentest"
)

// A test waits for the number of outcomes that it needs, here the first attempt.
func ExampleRunning_WaitSettled() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))
	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"})
	fmt.Println(run.WaitSettled("welcome-email", 1)[0])
	// Output: attempt 1: retry in 100ms (error)
}

// The message IDs select the outcomes of one message in a queue.
func ExampleRunning_Outcomes() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))
	b.Publish("events", "user.signed_up", SignedUp{}, broker.WithMessageID("nobody"))
	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"}, broker.WithMessageID("alice"))
	b.WaitIdle()

	fmt.Println("alice: ", run.Outcomes("welcome-email", "alice"))
	fmt.Println("nobody:", run.Outcomes("welcome-email", "nobody"))
	// Output:
	// alice:  [attempt 1: retry in 100ms (error) attempt 2: ack]
	// nobody: [attempt 1: dead-letter (permanent)]
}
