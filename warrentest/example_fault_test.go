package warrentest_test

import (
	"fmt"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/warrentest"
)

// The test injects a fault: the connection breaks before the broker gets the ack, so the broker
// delivers the message again. Handlers must accept such duplicates.
func ExampleNewBroker_faults() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newWorker(b.Config()))
	b.Inject(devbroker.Fault{On: devbroker.OnAck, Name: "welcome-email", Times: 1, Do: devbroker.Drop})

	b.Publish("events", "user.signed_up", SignedUp{}) // no address
	b.WaitIdle()
	fmt.Println(run.Outcomes("welcome-email"))
	// Output: [attempt 1: dead-letter (permanent) attempt 1: dead-letter (permanent)]
}

// The broker can behave like an older RabbitMQ.
func ExampleNewBroker() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t, func(c *devbroker.Config) { c.Version = "3.10" })
	run := warrentest.Run(t, newWorker(b.Config()))
	b.Publish("events", "user.signed_up", SignedUp{})
	b.WaitIdle()
	fmt.Println(run.Outcomes("welcome-email"))
	// Output: [attempt 1: dead-letter (permanent)]
}
