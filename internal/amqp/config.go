package amqp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Config has the same fields as broker.Config, which documents them, so that each converts
// to the other. Packages above this one take broker.Config.
type Config struct {
	URL             string
	URLs            []string
	Name            string
	TLS             *tls.Config
	Credentials     func(ctx context.Context) (user, password string, err error)
	Reload          func(ctx context.Context) (urls []string, tls *tls.Config, err error)
	Heartbeat       time.Duration
	DialTimeout     time.Duration
	StartupTimeout  time.Duration
	PublishTimeout  time.Duration
	Backoff         retry.Policy
	Topology        topology.Mode
	OnConnectFailed func(role string, err error)
	Dial            func(ctx context.Context, network, address string) (net.Conn, error)
	TracerProvider  trace.TracerProvider
	MeterProvider   metric.MeterProvider
	Propagator      propagation.TextMapPropagator
}

// Validate reports everything that is wrong with c, in one error.
func (c Config) Validate() error {
	f := check.Of("broker")
	if len(c.urls()) == 0 && c.Reload == nil {
		f.Add(errNoURL)
	}
	for _, u := range c.urls() {
		_, err := parseURL(u)
		f.Add(err)
	}
	f.Addf(c.Heartbeat < 0, "Heartbeat is %v, want 0 or more", c.Heartbeat)
	f.Addf(c.DialTimeout < 0, "DialTimeout is %v, want 0 or more", c.DialTimeout)
	f.Add(c.Topology.Validate(), c.withDefaults().Backoff.Validate())
	return f.Err()
}

// String shows c with its passwords hidden.
func (c Config) String() string {
	shown := make([]string, 0, 1)
	for _, u := range c.urls() {
		shown = append(shown, Redact(u))
	}
	return fmt.Sprintf("broker.Config{%s %s}", c.withDefaults().Name, strings.Join(shown, ","))
}

// GoString returns c.String().
func (c Config) GoString() string { return c.String() }

// Format writes c.String() for every verb, so that no verb prints a password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns c.String() for structured logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Config) urls() []string {
	urls := c.URLs
	if c.URL != "" {
		urls = append([]string{c.URL}, urls...)
	}
	return urls
}

var errNoURL = errors.New("broker: URL and URLs are empty, want amqp://user:password@host:port/vhost or amqps://;" +
	" for a broker in memory, in development: dev := devbroker.New(), URL: dev.URL(), Dial: dev.DialContext")

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, filepath.Base(os.Args[0]))
	c.Heartbeat = cmp.Or(c.Heartbeat, 10*time.Second)
	c.DialTimeout = cmp.Or(c.DialTimeout, 10*time.Second)
	c.StartupTimeout = cmp.Or(c.StartupTimeout, 30*time.Second)
	c.PublishTimeout = cmp.Or(c.PublishTimeout, 30*time.Second)
	c.Backoff.InitialInterval = cmp.Or(c.Backoff.InitialInterval, 200*time.Millisecond)
	c.Backoff.MaxInterval = cmp.Or(c.Backoff.MaxInterval, 5*time.Second)
	c.Backoff.RandomizationFactor = cmp.Or(c.Backoff.RandomizationFactor, 0.5)
	c.Backoff = c.Backoff.WithDefaults()
	if c.OnConnectFailed == nil {
		c.OnConnectFailed = func(role string, err error) {
			slog.Default().Warn("broker: connect failed, trying again", "role", role, "error", err)
		}
	}
	if c.Dial == nil {
		c.Dial = newTCP().DialContext
	}
	return c
}
