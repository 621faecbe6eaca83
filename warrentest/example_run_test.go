package warrentest_test

import (
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/warrentest"
)

// Run works with any broker. To use a RabbitMQ, configure its URL. The test waits for the
// outcomes and reads them.
func ExampleRun() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	dev := devbroker.New()
	defer func() { _ = dev.Close() }()
	cfg := broker.Config{URL: dev.URL(), Dial: dev.DialContext} // or broker.Config{URL: os.Getenv("AMQP_URL")}
	run := warrentest.Run(t, newWorker(cfg))
	pub := broker.NewPublisher(cfg, "events")
	defer func() { fmt.Println("closed:", pub.Close()) }()

	fmt.Println("published:", pub.Publish(t.Context(), "user.signed_up", SignedUp{}))
	fmt.Println(run.WaitSettled("welcome-email", 1))
	// Output:
	// published: <nil>
	// [attempt 1: dead-letter (permanent)]
	// closed: <nil>
}

// With an address the broker also listens there, for other processes and programs in other
// languages. Here the publisher connects over TCP.
func ExampleNewBroker_listening() {
	t, end := newT() // in your test: its *testing.T
	defer end()

	b := warrentest.NewBroker(t, func(c *devbroker.Config) { c.Addr = "127.0.0.1:0" })
	run := warrentest.Run(t, newWorker(b.Config()))
	pub := broker.NewPublisher(broker.Config{URL: b.URL()}, "events")
	defer func() { fmt.Println("closed:", pub.Close()) }()

	fmt.Println("published:", pub.Publish(t.Context(), "user.signed_up", SignedUp{}))
	b.WaitIdle()
	fmt.Println(run.Outcomes("welcome-email"))
	// Output:
	// published: <nil>
	// [attempt 1: dead-letter (permanent)]
	// closed: <nil>
}
