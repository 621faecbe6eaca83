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
)

// Config says how to reach RabbitMQ. URL or URLs must be set. It is plain data: copy it
// freely. Printing it never shows a password, except where fmt cannot call its methods:
// in an unexported field of another struct.
type Config struct {
	// URL names the broker: amqp://user:password@host:port/vhost, or amqps://.
	// For a broker in memory, in development, it is the URL of devbroker.New, and
	// Dial its DialContext.
	URL string
	// URLs name the nodes of a cluster; URL is one of them if both are set. The first
	// node to be tried is a random one, or that of the last session. A node that has not
	// answered within half a second gets the next one beside it, and the first session wins.
	URLs []string
	// Name is shown by the broker for each connection; the program's name if empty.
	Name string
	// TLS configures amqps URLs; certificates are verified unless it says
	// otherwise. With a client certificate and no user in the URL, the broker is
	// asked to authenticate by it (SASL EXTERNAL).
	TLS *tls.Config
	// Credentials returns the user and the password, instead of those in the URLs. It is
	// called before each attempt to connect, so that they may rotate, and must be safe for
	// concurrent use. An error fails the attempt, which is made again.
	Credentials func(ctx context.Context) (user, password string, err error)
	// Reload returns the URLs and the TLS configuration for the next attempt to connect,
	// instead of URL, URLs and TLS, so that addresses and certificates may change. It is
	// called before each attempt and must be safe for concurrent use. An error fails the
	// attempt, which is made again.
	Reload func(ctx context.Context) (urls []string, tls *tls.Config, err error)
	// Heartbeat is the interval after which a silent peer is checked. Zero means 10 s. A
	// worker declares its topology again about every third heartbeat.
	Heartbeat time.Duration
	// DialTimeout bounds one attempt, handshake included; 10s if zero.
	DialTimeout time.Duration
	// StartupTimeout bounds the time to the first connection; 30s if zero,
	// unbounded if negative. Once connected, lost sessions are replaced for ever.
	StartupTimeout time.Duration
	// PublishTimeout bounds a publish whose context has no deadline; 30s if
	// zero, unbounded if negative.
	PublishTimeout time.Duration
	// Backoff spaces the attempts to connect: 200ms, doubling up to 15s, spread
	// by half, where its fields are zero. Its MaxAttempts is not used.
	Backoff retry.Policy
	// OnConnectFailed is called when an attempt to connect fails: with the first failure,
	// and then at most once a minute until a session is open. It must be quick. Nil means
	// a warning to slog.Default.
	OnConnectFailed func(role string, err error)
	// Dial opens the transport; plain TCP if nil, where the addresses of a host name are
	// tried as URLs are. TLS comes on top of it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// TracerProvider makes the spans of publishes. Nil means the global provider of
	// OpenTelemetry, also where the program sets it later.
	TracerProvider trace.TracerProvider
	// MeterProvider measures publishes. Nil means the global provider, as above.
	MeterProvider metric.MeterProvider
	// Propagator writes the trace context into the headers of messages. Nil means the
	// global propagator, or W3C Trace Context with Baggage if the program has set none.
	Propagator propagation.TextMapPropagator
}

// Validate reports everything that is wrong with c, in one error.
func (c Config) Validate() error { return amqp.Config(c).Validate() }

// String shows c with its passwords hidden.
func (c Config) String() string { return amqp.Config(c).String() }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// Format is String for every verb, so that none prints a password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String, for structured logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
