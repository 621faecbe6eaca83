// Package rabbit gives tests a broker: one that all share, private nodes that may be
// killed, and connections that may be cut. It is a RabbitMQ, or a devbroker in the
// test's process if AMQP_URL is embedded: or embedded:VERSION, or pipe: (see Test).
package rabbit

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	variable     = "AMQP_URL"
	pollInterval = 20 * time.Millisecond
	closeTimeout = 5 * time.Second // a blocked broker never answers a close
	maxQueueName = 200             // AMQP allows 255; room for a suffix such as .dlq
)

// URL returns the AMQP URL of the broker that all tests share, which the environment
// variable AMQP_URL names. Without one the test fails: it is never skipped.
func URL(tb testing.TB) string {
	tb.Helper()
	if piped() {
		return ownURL(tb)
	}
	if version, ok := embeddedVersion(); ok {
		return shared.url(tb, version)
	}
	url := os.Getenv(variable)
	if url == "" {
		tb.Fatal("rabbit: AMQP_URL is not set, so there is no broker to test with:" +
			" run make test, or scripts/rabbitmq run go test ./...")
	}
	return url
}

// embeddedVersion returns which RabbitMQ a broker in memory is to behave like, which
// may be empty; false if the tests' broker is not in memory.
func embeddedVersion() (version string, inMemory bool) {
	value := os.Getenv(variable)
	if piped() {
		return strings.TrimPrefix(value, "pipe:"), true
	}
	return strings.CutPrefix(value, "embedded:")
}

// Connect opens a connection to the broker at url and closes it when the test ends.
// The test fails if there is no connection to be had.
func Connect(tb testing.TB, url string) *amqp.Connection {
	tb.Helper()
	conn, err := amqp.DialConfig(url, clientConfig())
	if err != nil {
		tb.Fatalf("rabbit: connect to %s: %v", url, err)
	}
	tb.Cleanup(func() {
		err := conn.CloseDeadline(time.Now().Add(closeTimeout))
		if err != nil && !errors.Is(err, amqp.ErrClosed) {
			tb.Logf("rabbit: close connection to %s: %v", url, err)
		}
	})
	return conn
}

// Channel opens a connection of its own to the broker at url and a channel on it,
// and closes both when the test ends.
func Channel(tb testing.TB, url string) *amqp.Channel {
	tb.Helper()
	ch, err := Connect(tb, url).Channel()
	if err != nil {
		tb.Fatalf("rabbit: open a channel at %s: %v", url, err)
	}
	return ch
}

// Queue returns a name for a queue or an exchange that no other test has: the
// test's own name and a random end, without dots. It declares nothing.
func Queue(tb testing.TB) string {
	tb.Helper()
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '-'
	}, tb.Name())
	return name[:min(len(name), maxQueueName)] + "-" + rand.Text()[:8]
}

// Depth returns how many messages of queue are ready. The test fails if the queue
// does not exist.
func Depth(tb testing.TB, ch *amqp.Channel, queue string) int {
	tb.Helper()
	q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
	if err != nil {
		tb.Fatalf("rabbit: depth of queue %s: %v", queue, err)
	}
	return q.Messages
}

// Eventually waits until cond is true, asking every 20 ms on the test's goroutine.
// After timeout the test fails, saying what it waited for.
func Eventually(tb testing.TB, timeout time.Duration, cond func() bool, what string) {
	tb.Helper()
	deadline := time.After(timeout)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("rabbit: waited %v for this in vain: %s", timeout, what)
		}
	}
}
