// Package rabbit provides tests with brokers: one that all tests share, private nodes that a test
// may kill, and connections that a test may cut. The broker is a RabbitMQ, or a devbroker in the
// test's process if AMQP_URL is embedded:, embedded:VERSION or pipe: (see Test).
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
	maxQueueName = 200             // AMQP allows 255; this leaves room for a suffix such as .dlq
)

// URL returns the AMQP URL of the broker that all tests share, from the environment variable
// AMQP_URL. If it is not set, the test fails; it is not skipped.
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
		tb.Fatal("rabbit: AMQP_URL is not set:" +
			" run make test, or scripts/rabbitmq run go test ./...")
	}
	return url
}

// embeddedVersion returns the version that the broker in memory emulates, which may be empty. It
// returns false if the tests' broker is not in memory.
func embeddedVersion() (version string, inMemory bool) {
	value := os.Getenv(variable)
	if piped() {
		return strings.TrimPrefix(value, "pipe:"), true
	}
	return strings.CutPrefix(value, "embedded:")
}

// Connect opens a connection to the broker at url, and closes it when the test ends. If it cannot
// connect, the test fails.
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

// Channel opens a new connection to the broker at url and a channel on it, and closes both when
// the test ends.
func Channel(tb testing.TB, url string) *amqp.Channel {
	tb.Helper()
	ch, err := Connect(tb, url).Channel()
	if err != nil {
		tb.Fatalf("rabbit: open a channel at %s: %v", url, err)
	}
	return ch
}

// Queue returns a name for a queue or an exchange that no other test uses: the name of the test
// with a random suffix, without dots. It does not declare the queue.
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

// Depth returns the number of ready messages of queue. The test fails if the queue does not
// exist.
func Depth(tb testing.TB, ch *amqp.Channel, queue string) int {
	tb.Helper()
	q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
	if err != nil {
		tb.Fatalf("rabbit: depth of queue %s: %v", queue, err)
	}
	return q.Messages
}

// Eventually waits until cond returns true. It calls cond every 20 ms on the test's goroutine,
// and fails the test after timeout. what names the condition in the failure.
func Eventually(tb testing.TB, timeout time.Duration, cond func() bool, what string) {
	tb.Helper()
	deadline := time.After(timeout)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("rabbit: not true within %v: %s", timeout, what)
		}
	}
}
