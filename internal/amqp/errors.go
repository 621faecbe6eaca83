package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/telemetry"
)

// Errors that callers test for with errors.Is.
var (
	// ErrNotConnected says there was no session, or it was lost before the broker
	// confirmed. A message published then may or may not have arrived.
	ErrNotConnected = errors.New("broker: not connected")
	// ErrUnroutable says no queue is bound for the message, or its exchange is missing.
	ErrUnroutable = errors.New("broker: no queue took the message")
	// ErrNacked says the broker refused the message, as a full queue does.
	ErrNacked = errors.New("broker: the broker refused the message")
	// ErrBlocked says the broker has stopped taking messages on this connection
	// because its memory or disk is low. It comes with the context's error.
	ErrBlocked = errors.New("broker: the broker has blocked publishing")
	// ErrRefused says the broker did not accept the credentials or the virtual host, or
	// does not permit the user to publish the message: to its exchange, with its routing
	// key, or in another user's name.
	ErrRefused = errors.New("broker: access refused")
	// ErrClosed says the publisher was closed by its owner.
	ErrClosed = errors.New("broker: closed")
	// ErrStale says a delivery's channel is gone, so the result was dropped; the
	// broker delivers the message again.
	ErrStale = errors.New("broker: the delivery's channel is gone")
)

// Code returns the AMQP reply code of err, or 0.
func Code(err error) int {
	if e, ok := errors.AsType[*amqp091.Error](err); ok {
		return e.Code
	}
	return 0
}

func address(uri amqp091.URI) string {
	return fmt.Sprintf("%s://%s:%d", uri.Scheme, uri.Host, uri.Port)
}

// silentRefusal separates a refusal from a lost connection. RabbitMQ waits for 3 s before
// it closes a connection whose credentials it refuses. A connection that is lost sooner was
// not refused.
const silentRefusal = 2 * time.Second

// connectError describes why the connection to one node failed, without secrets.
func connectError(uri amqp091.URI, err error, took time.Duration) error {
	at := address(uri)
	e, ok := errors.AsType[*amqp091.Error](err)
	switch {
	case !ok:
		return fmt.Errorf("broker: connect to %s: %w", at, err)
	case e.Code == amqp091.AccessRefused && e.Reason == amqp091.ErrSASL.Reason:
		return fmt.Errorf("%w: %s offers no SASL mechanism that this configuration can use", ErrRefused, at)
	case !e.Server && uri.Scheme == "amqps" && took < silentRefusal:
		return fmt.Errorf("broker: connect to %s: the connection was lost during the handshake; a client certificate that tls refuses looks like this", at)
	case !e.Server && took < silentRefusal: // amqp091 reports it as a refusal
		return fmt.Errorf("broker: connect to %s: the connection was lost during the handshake", at)
	case strings.Contains(e.Reason, "connection limit (") || strings.HasSuffix(e.Reason, "is down"): // temporary
		return fmt.Errorf("broker: connect to %s: user %q, virtual host %q: %s", at, uri.Username, uri.Vhost, e.Reason)
	case e.Code == amqp091.AccessRefused:
		return fmt.Errorf("%w: %s, user %q: %s", ErrRefused, at, uri.Username, e.Reason)
	case e.Code == amqp091.NotAllowed:
		return fmt.Errorf("%w: %s, user %q, virtual host %q: %s", ErrRefused, at, uri.Username, uri.Vhost, e.Reason)
	}
	return fmt.Errorf("broker: connect to %s: %w", at, err)
}

// errorName returns the error.type of a failed publish: one of a few names, or "" for nil.
func errorName(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{ErrUnroutable, "unroutable"},
		{ErrNacked, "nacked"},
		{ErrBlocked, "blocked"},
		{ErrRefused, "refused"},
		{ErrNotConnected, "not_connected"},
		{ErrClosed, "closed"},
		{ErrTooLarge, "too_large"},
		{ErrMalformed, "malformed"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return telemetry.ErrorType(err)
}
