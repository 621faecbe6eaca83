package warrentest_test

import (
	"fmt"

	"github.com/warren-mq/warren/warrentest"
)

// DeadLetters returns the dead letters with their failure records, and leaves them in the queue.
func ExampleBroker_DeadLetters() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	warrentest.Run(t, newWorker(b.Config()))
	b.Publish("events", "user.signed_up", SignedUp{})
	b.WaitIdle()

	for _, d := range b.DeadLetters("welcome-email") {
		fmt.Printf("%s from %s by %s\n", d.Body, d.Exchange, d.RoutingKey)
		fmt.Printf("%s: %s, after %d attempt\n", d.Reason, d.Error, d.Attempts)
	}
	// Output:
	// {"email":""} from events by user.signed_up
	// permanent: the mailbox does not exist, after 1 attempt
}
