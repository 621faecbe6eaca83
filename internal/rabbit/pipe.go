package rabbit

import (
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// pipeHost ends the hosts in URLs of brokers that are reached over pipes.
const pipeHost = ".pipe"

// pipes holds the dial function of each such host. own holds the broker in the bubble of each
// test, by the test's name.
var pipes, own sync.Map

// Test runs f as the test t, in parallel with other tests. If AMQP_URL is pipe: or pipe:VERSION,
// f runs in a bubble of testing/synctest with its own devbroker, so that waiting takes no real
// time. In a bubble f must not call t.Run or t.Parallel, and must connect with Dial.
func Test(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	Bubble(t, f)
}

// Run runs f with Test as the subtest name of t.
func Run(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { Test(t, f) })
}

// Bubble is like Test, without running the test in parallel.
func Bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if !piped() {
		f(t)
		return
	}
	inside := t
	synctest.Test(t, func(t *testing.T) {
		inside = t
		own.Store(t.Name(), Start(t))
		t.Cleanup(func() { own.Delete(t.Name()) })
		f(t)
	})
	if inside.Skipped() { // synctest does not pass on a skip
		t.SkipNow()
	}
}

// Own returns the broker at URL, and false if other tests share it.
func Own(tb testing.TB) (node Node, ok bool) {
	v, _ := own.Load(tb.Name())
	node, ok = v.(Node)
	return node, ok
}

// NeedsNetwork skips the test over pipes. reason says why it cannot run in a bubble.
func NeedsNetwork(tb testing.TB, reason string) {
	tb.Helper()
	if piped() {
		tb.Skip("not over a pipe: " + reason)
	}
}

// Waits skips the test on a broker in memory over TCP, since the test waits in real time. wait
// says for what. Over pipes the same test takes no real time.
func Waits(tb testing.TB, wait string) {
	tb.Helper()
	if _, inMemory := embeddedVersion(); inMemory && !piped() {
		tb.Skip("it waits for " + wait + ": run it over pipes, by AMQP_URL=pipe:")
	}
}

// Dial connects to a broker of this package, over TCP or a pipe, depending on its URL. Use it as
// the Dial function of broker.Config.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !strings.HasSuffix(host, pipeHost) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	v, _ := pipes.Load(host)
	dial, ok := v.(dialer)
	if !ok {
		return nil, errRefused
	}
	return dial(ctx, network, address)
}

// errRefused is the error of TCP for a port without a listener.
var errRefused = &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// clientConfig returns the configuration of a plain amqp091 client.
func clientConfig() amqp.Config {
	if !piped() {
		return amqp.Config{}
	}
	return amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		return Dial(context.Background(), network, address)
	}}
}

func piped() bool { return strings.HasPrefix(os.Getenv(variable), "pipe:") }

func ownURL(tb testing.TB) string {
	tb.Helper()
	node, ok := Own(tb)
	if !ok {
		tb.Fatal("rabbit: AMQP_URL is pipe:, which needs a test that runs with rabbit.Test")
	}
	return node.URL()
}

func newPipeHost() string { return strings.ToLower(rand.Text()[:8]) + pipeHost }

func pipeURL(host string) string {
	return (&url.URL{Scheme: "amqp", User: url.UserPassword("guest", "guest"), Host: host + ":5672", Path: "/"}).String()
}

// startPipe is like start, over pipes: the address is a host name.
func (e *embedded) startPipe() (err error) {
	if e.broker, err = devbroker.Pipe(e.cfg); err != nil {
		return err
	}
	e.url = pipeURL(e.pipe)
	pipes.Store(e.pipe, dialer(e.broker.DialContext))
	return nil
}
