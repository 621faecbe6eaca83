package amqp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
)

// dialOne connects to the node of rawURL.
func dialOne(ctx context.Context, cfg Config, role, rawURL string) (*Session, error) {
	uri, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	ac := amqpConfig(cfg, role, rawURL, uri)
	stop, cut := func() bool { return true }, func() {}
	ac.Dial = func(network, address string) (net.Conn, error) {
		conn, err := transport(ctx, cfg, network, address)
		if err != nil {
			return nil, err
		}
		cut = conn.cut
		stop = context.AfterFunc(ctx, cut) // ends the handshake at once; the error is then the cause of ctx
		return conn, nil
	}
	began := time.Now()
	conn, err := amqp091.DialConfig(rawURL, ac)
	if !stop() {
		if err = context.Cause(ctx); errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("timeout during the handshake: %w", err)
		}
		return nil, fmt.Errorf("broker: connect to %s: %w", address(uri), err)
	}
	if err != nil {
		return nil, connectError(uri, err, time.Since(began))
	}
	s := newSession(conn, cut, uri, NewTracer(cfg))
	s.mode = cfg.Topology
	if len(ac.SASL) == 0 && len(uri.AuthMechanism) == 0 { // otherwise the mechanism may be EXTERNAL
		s.user = uri.Username
	}
	return s, nil
}

func amqpConfig(cfg Config, role, rawURL string, uri amqp091.URI) amqp091.Config {
	ac := amqp091.Config{
		Heartbeat:  cfg.Heartbeat,
		Properties: clientProperties(cfg.Name + " " + role),
	}
	if cfg.TLS != nil {
		ac.TLSClientConfig = cfg.TLS.Clone() // amqp091 writes the server's name into it
		if len(cfg.TLS.Certificates) > 0 && !hasUser(rawURL) && uri.AuthMechanism == nil {
			ac.SASL = []amqp091.Authentication{&amqp091.ExternalAuth{}}
		}
	}
	return ac
}

// transport opens the connection, with a deadline for the handshake.
func transport(ctx context.Context, cfg Config, network, address string) (*batchConn, error) {
	conn, err := cfg.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(cfg.DialTimeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newBatchConn(conn), nil
}

func clientProperties(name string) amqp091.Table {
	return amqp091.Table{
		"product":         "Warren",
		"version":         record.Version(),
		"platform":        "Go",
		"connection_name": name,
	}
}

// Dial opens one session. It tries each of the configured nodes once, as described at
// Config.URLs, and returns the first session. The role, such as "consume", ends the
// connection's name. Workers and publishers do not need Dial, because they keep sessions of
// their own. The error is ErrRefused or ErrNotConnected together with the cause, unless cfg
// is invalid.
func Dial(ctx context.Context, cfg Config, role string) (*Session, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s, err := new(nodes).dial(ctx, cfg.withDefaults(), role)
	if err != nil && !errors.Is(err, ErrRefused) {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	return s, err
}

// nodes connects to one of several nodes. It is not safe for concurrent use.
type nodes struct {
	last string // host and port of the node that answered last
}

// dial tries each node once and returns the first session. It begins with the node that
// answered last. It tries the next node when an attempt fails or takes too long. The error
// contains the errors of all nodes.
func (n *nodes) dial(ctx context.Context, cfg Config, role string) (*Session, error) {
	cfg, err := cfg.current(ctx)
	if err != nil {
		return nil, err
	}
	session, raw, err := firstOf(ctx, n.order(cfg.urls()), func(ctx context.Context, raw string) (*Session, error) {
		return dialOne(ctx, cfg, role, raw)
	})
	if err == nil {
		n.last = nodeOf(raw)
	}
	return session, err
}

// order returns urls, beginning at the node that answered last, or at a random one.
func (n *nodes) order(urls []string) []string {
	first := slices.IndexFunc(urls, func(raw string) bool { return n.last != "" && nodeOf(raw) == n.last })
	if first < 0 {
		first = rand.IntN(len(urls))
	}
	return slices.Concat(urls[first:], urls[:first])
}

// nodeOf returns the host and port of an AMQP URL. Other parts of the URL, such as the
// password, may change.
func nodeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
