package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Config configures the connections to RabbitMQ. URL or URLs must be set. It is plain data
// and may be copied. Printing it never shows a password, except where fmt cannot call its
// methods: in an unexported field of another struct.
type Config struct {
	// URL is the address of the broker: amqp://user:password@host:port/vhost, or amqps://.
	// For an in-memory broker, in development, set URL to the URL of devbroker.New, and
	// Dial to its DialContext.
	URL string
	// URLs are the addresses of the nodes of a cluster. If URL is set, too, it is one of
	// them. The first node to be tried is a random one, or the node of the last session. If
	// a node has not answered within half a second, the next one is tried in parallel, and
	// the first session wins.
	URLs []string
	// Name is the name that the broker shows for each connection. The default is the
	// program's name.
	Name string
	// TLS configures amqps URLs. Certificates are verified unless TLS disables that. With a
	// client certificate and no user in the URL, the client authenticates by the
	// certificate (SASL EXTERNAL).
	TLS *tls.Config
	// Credentials returns the user and the password, which replace the ones in the URLs. It
	// is called before each attempt to connect, so that they may rotate, and must be safe
	// for concurrent use. If it returns an error or panics, the attempt fails and is made again.
	Credentials func(ctx context.Context) (user, password string, err error)
	// Reload returns the URLs and the TLS configuration for the next attempt to connect,
	// instead of URL, URLs and TLS, so that addresses and certificates may change. It is
	// called before each attempt and must be safe for concurrent use. If it returns an
	// error or panics, the attempt fails and is made again.
	Reload func(ctx context.Context) (urls []string, tls *tls.Config, err error)
	// Heartbeat is the interval of heartbeats, by which each side notices a dead connection.
	// Zero means 10 s. A worker declares its topology again about every third interval.
	Heartbeat time.Duration
	// DialTimeout bounds one attempt to connect, handshake included. Zero means 10 s.
	DialTimeout time.Duration
	// StartupTimeout bounds the time to the first connection. Zero means 30 s. A negative
	// value means no limit. Once connected, lost sessions are replaced without a time
	// limit.
	StartupTimeout time.Duration
	// PublishTimeout bounds a publish whose context has no deadline. Zero means 30 s. A
	// negative value means no limit.
	PublishTimeout time.Duration
	// Backoff sets the pauses between attempts to connect. The default is 200 ms, doubling
	// up to 5 s, randomized by half. Zero fields take these values. MaxAttempts is not
	// used.
	Backoff retry.Policy
	// Topology is what the connection's users do about queues and exchanges: the queues of a
	// worker, the parking queues of delayed publishes, and the queues of a scheduler. Empty
	// means topology.Manage, which declares them. With topology.Verify, a worker checks that
	// they exist, and declares nothing; with topology.Trust, it does not even ask. Declare and
	// Plan do not depend on it.
	Topology topology.Mode
	// OnConnectFailed is called when an attempt to connect fails: with the first failure,
	// and then at most once a minute until a session is open. It must be quick. A panic is
	// logged. Nil means a warning to slog.Default.
	OnConnectFailed func(role string, err error)
	// Dial opens the transport; TLS is added to it. Nil means plain TCP. If a host name has
	// several addresses, they are then tried in the same way as URLs.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// TracerProvider makes the spans of publishes. Nil means the global provider of
	// OpenTelemetry, even if the program sets it later.
	TracerProvider trace.TracerProvider
	// MeterProvider measures publishes. Nil means the global provider, as for
	// TracerProvider.
	MeterProvider metric.MeterProvider
	// Propagator writes the trace context into the headers of messages. Nil means the
	// global propagator, or W3C Trace Context with Baggage if the program has set none.
	Propagator propagation.TextMapPropagator
}

// Validate reports everything that is wrong with c, in one error.
func (c Config) Validate() error { return amqp.Config(c).Validate() }

// String shows c with its passwords hidden.
func (c Config) String() string { return amqp.Config(c).String() }

// GoString returns c.String().
func (c Config) GoString() string { return c.String() }

// Format writes c.String() for every verb, so that no verb prints a password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns c.String() for structured logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
