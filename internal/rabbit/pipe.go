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

// pipeHost ends the host in the URL of what is reached over pipes.
const pipeHost = ".pipe"

// pipes has the dial function of each such host, and own the broker that the test of
// each name has in its bubble.
var pipes, own sync.Map

// Test runs f as the test t, in parallel with others. If AMQP_URL is pipe: or
// pipe:VERSION, f runs in a bubble of testing/synctest with a devbroker of its own, so
// that waiting takes no time; f must not call t.Run or t.Parallel then, and has to
// reach brokers by Dial.
func Test(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	Bubble(t, f)
}

// Run runs f as the part of t that is called name, by Test.
func Run(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { Test(t, f) })
}

// Bubble is Test for a test that is not parallel.
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
	if inside.Skipped() { // which synctest keeps to itself
		t.SkipNow()
	}
}

// Own returns the broker that URL names, if the test has it to itself.
func Own(tb testing.TB) (node Node, ok bool) {
	v, _ := own.Load(tb.Name())
	node, ok = v.(Node)
	return node, ok
}

// NeedsNetwork skips the test over pipes, which cannot be in a bubble for the reason.
func NeedsNetwork(tb testing.TB, reason string) {
	tb.Helper()
	if piped() {
		tb.Skip("not over a pipe: " + reason)
	}
}

// Waits skips the test, which takes as long as wait says, on a broker in memory that is
// reached over TCP: over pipes the same test takes no time.
func Waits(tb testing.TB, wait string) {
	tb.Helper()
	if _, inMemory := embeddedVersion(); inMemory && !piped() {
		tb.Skip("it waits for " + wait + ": run it over pipes, by AMQP_URL=pipe:")
	}
}

// Dial connects to a broker of this package, over TCP or a pipe as its URL says. It
// fits broker.Config.
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

// errRefused is what TCP says where nobody listens.
var errRefused = &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// clientConfig is that of a plain client of amqp091.
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
		tb.Fatal("rabbit: AMQP_URL is pipe:, so that only what runs by rabbit.Test has a broker")
	}
	return node.URL()
}

func newPipeHost() string { return strings.ToLower(rand.Text()[:8]) + pipeHost }

func pipeURL(host string) string {
	return (&url.URL{Scheme: "amqp", User: url.UserPassword("guest", "guest"), Host: host + ":5672", Path: "/"}).String()
}

// startPipe is start over pipes, with a host as the address.
func (e *embedded) startPipe() (err error) {
	if e.broker, err = devbroker.Pipe(e.cfg); err != nil {
		return err
	}
	e.url = pipeURL(e.pipe)
	pipes.Store(e.pipe, dialer(e.broker.DialContext))
	return nil
}
