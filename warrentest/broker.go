package warrentest

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
)

// Broker is a broker in memory for one test. A Publish or a wait that fails ends that test, so
// a subtest needs its own Broker. It has the methods of devbroker.Broker, for faults and for
// reading queues. Its methods are safe for concurrent use.
type Broker struct {
	*devbroker.Broker
	tb    testing.TB
	vhost string
	bell  bell // rung at each event of a worker

	mu         sync.Mutex
	runs       []*Running                   // of workers that have connected
	publishers map[string]*broker.Publisher // by exchange
}

// NewBroker starts a broker, and closes it when the test ends. It behaves like RabbitMQ 4.3
// unless change sets another version. In a testing/synctest bubble it uses the bubble's clock.
// Clients connect with Config. If change sets Addr, the broker also listens on that address;
// do not use that in a bubble, whose clock stops while a goroutine waits for the network.
func NewBroker(tb testing.TB, change ...func(*devbroker.Config)) *Broker {
	tb.Helper()
	cfg := devbroker.Config{Heartbeat: -1, VHosts: []string{"/"}}
	for _, f := range change {
		f(&cfg)
	}
	start := devbroker.Pipe
	if cfg.Addr != "" {
		start = devbroker.Start
	}
	inner, err := start(cfg)
	if err != nil {
		tb.Fatalf("warrentest: %v", err)
	}
	b := &Broker{Broker: inner, tb: tb, vhost: "/", publishers: make(map[string]*broker.Publisher)}
	if len(cfg.VHosts) > 0 {
		b.vhost = cfg.VHosts[0]
	}
	tb.Cleanup(b.end)
	return b
}

// Config returns the configuration for worker.Config.Broker and for publishers. Its heartbeat
// interval is 1 h, since a shorter interval makes days of virtual time slow.
func (b *Broker) Config() broker.Config {
	return broker.Config{URL: b.URL(), Dial: b.dial, Heartbeat: time.Hour}
}

// dial connects to the broker, and records the worker that the connection belongs to.
func (b *Broker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if r, ok := ctx.Value(runningKey{}).(*Running); ok && r.join(b) {
		b.mu.Lock()
		b.runs = append(b.runs, r)
		b.mu.Unlock()
	}
	return b.DialContext(ctx, network, address)
}

// Publish publishes a message as broker.Publisher does: a []byte unchanged, any other body as
// JSON. It returns when the broker has confirmed the message. An error, such as a message that
// no queue is bound for, ends the test.
func (b *Broker) Publish(exchange, key string, body any, opts ...broker.Option) {
	b.tb.Helper()
	if err := b.publisher(exchange).Publish(b.tb.Context(), key, body, opts...); err != nil {
		b.tb.Fatalf("warrentest: %v", err)
	}
}

func (b *Broker) publisher(exchange string) *broker.Publisher {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.publishers[exchange] == nil {
		b.publishers[exchange] = broker.NewPublisher(b.Config(), exchange)
	}
	return b.publishers[exchange]
}

// running returns the workers that have connected.
func (b *Broker) running() []*Running {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.runs)
}

func (b *Broker) end() {
	b.mu.Lock()
	publishers := b.publishers
	b.mu.Unlock()
	for _, p := range publishers {
		if err := p.Close(); err != nil {
			b.tb.Errorf("warrentest: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		b.tb.Errorf("warrentest: %v", err)
	}
}
