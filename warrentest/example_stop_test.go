package warrentest_test

import (
	"fmt"

	"github.com/warren-mq/warren/warrentest"
)

// Stop drains the worker, as in production. A message that is published later stays in the
// queue.
func ExampleRunning_Stop() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))
	fmt.Println("stopped:", run.Stop())

	b.Publish("events", "user.signed_up", SignedUp{Email: "alice@example.com"})
	for _, m := range b.Waiting("welcome-email") {
		fmt.Printf("waiting: %s\n", m.Body)
	}
	// Output:
	// stopped: <nil>
	// waiting: {"email":"alice@example.com"}
}
