package rabbit_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

func TestACutIsSeenAtOnceAndLastsUntilRestored(t *testing.T) {
	t.Parallel()
	proxy := rabbit.NewProxy(t, rabbit.URL(t))
	for range 3 { // a proxy that was cut once must cut again
		conn := rabbit.Connect(t, proxy.URL())
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		start := time.Now()
		proxy.Cut()
		lossCode(t, closed)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the client saw the cut after %v, want at once", took)
		}
		if conn, err := amqp.Dial(proxy.URL()); err == nil {
			t.Fatalf("connected through a cut proxy: %v", conn.Close())
		}
		proxy.Restore(t)
	}
	rabbit.Connect(t, proxy.URL())
}

func TestADelayHoldsForOpenConnectionsUntilItIsEnded(t *testing.T) {
	t.Parallel()
	const delay = 300 * time.Millisecond
	proxy := rabbit.NewProxy(t, rabbit.URL(t))
	ch := rabbit.Channel(t, proxy.URL())
	queue := declare(t, ch)

	proxy.Delay(t, delay)
	if took := roundTrip(t, ch, queue); took < 2*delay {
		t.Errorf("a round trip took %v, want twice %v or more", took, delay)
	}
	proxy.Delay(t, 0)
	rabbit.Eventually(t, 30*time.Second, func() bool { return roundTrip(t, ch, queue) < delay },
		"a round trip without the delay")
}

func roundTrip(t *testing.T, ch *amqp.Channel, queue string) time.Duration {
	t.Helper()
	start := time.Now()
	rabbit.Depth(t, ch, queue)
	return time.Since(start)
}
