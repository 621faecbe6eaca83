package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
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
