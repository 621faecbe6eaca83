package devbroker_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// Any client connects to it, as to RabbitMQ.
func ExampleStart() {
	b, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()

	conn, err := amqp.Dial(b.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	fmt.Println(conn.Properties["product"], conn.Properties["version"])
	// Output: RabbitMQ 4.3.6
}

// In a bubble of testing/synctest hours pass in no time: here those that a message has to
// live.
func ExamplePipe() {
	var t *testing.T // of a test, such as TestCouponsExpire
	synctest.Test(t, func(t *testing.T) {
		b, err := devbroker.Pipe(devbroker.Config{Heartbeat: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		conn, err := amqp.DialConfig(b.URL(), amqp.Config{Dial: b.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()

		publishCoupon(t, conn)
		time.Sleep(24 * time.Hour)
		if n := len(b.Messages("/", "coupons")); n != 0 {
			t.Errorf("%d coupons after a day, want none", n)
		}
	})
}

// publishCoupon publishes a message that lives for a day.
func publishCoupon(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	day := amqp.Table{"x-message-ttl": 24 * time.Hour.Milliseconds()}
	if _, err := ch.QueueDeclare("coupons", true, false, false, false, day); err != nil {
		t.Fatal(err)
	}
	if err := ch.Publish("", "coupons", false, false, amqp.Publishing{Body: []byte("one cake")}); err != nil {
		t.Fatal(err)
	}
}

// A fault makes the broker do what a test of a client needs, here refuse one publish.
func ExampleBroker_Inject() {
	b, err := devbroker.Pipe(devbroker.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = b.Close() }()
	b.Inject(devbroker.Fault{On: devbroker.OnPublish, Do: devbroker.Refuse, Times: 1})

	conn, err := amqp.DialConfig(b.URL(), amqp.Config{Dial: b.Dial})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := ch.Confirm(false); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		confirm, err := ch.PublishWithDeferredConfirm("amq.topic", "user.signed_up", false, false, amqp.Publishing{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("confirmed:", confirm.Wait())
	}
	// Output:
	// confirmed: false
	// confirmed: true
}

// A program under development starts one if AMQP_URL is not set. No port is opened.
func ExampleNew() {
	url, dial := os.Getenv("AMQP_URL"), amqp.DefaultDial(30*time.Second)
	if url == "" {
		dev := devbroker.New()
		url = dev.URL()
		dial = func(network, address string) (net.Conn, error) {
			return dev.DialContext(context.Background(), network, address)
		}
	}
	if conn, err := amqp.DialConfig(url, amqp.Config{Dial: dial}); err == nil {
		_ = conn.Close()
	}
}
