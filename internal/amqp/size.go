package amqp

import (
	"errors"
	"fmt"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// ErrTooLarge says that the headers of a message do not fit into one AMQP frame, or that
// its body is larger than the broker's max_message_size.
var ErrTooLarge = errors.New("broker: the message is too large")

// ErrMalformed says that a message cannot be written: a property or the name of a header is
// longer than 255 bytes, or the value of a header has no AMQP type. It is also returned if
// the broker does not accept a property, such as an expiration that is not a number.
var ErrMalformed = errors.New("broker: the message cannot be written")

// Check returns an error if the message cannot be written on the session's connection.
func (s *Session) Check(exchange, key string, p *amqp091.Publishing) error {
	if err := p.Headers.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return errors.Join(checkStrings(exchange, key, p), checkSize(p, s.conn.Config.FrameSize))
}

// checkStrings returns an error for text that amqp091 would reject only in the middle of a
// frame, which would cost the connection.
func checkStrings(exchange, key string, p *amqp091.Publishing) error {
	for _, s := range []struct{ name, value string }{
		{"exchange", exchange},
		{"routing key", key},
		{"message id", p.MessageId},
		{"correlation id", p.CorrelationId},
		{"reply-to", p.ReplyTo},
		{"expiration", p.Expiration},
		{"type", p.Type},
		{"user id", p.UserId},
		{"app id", p.AppId},
		{"content type", p.ContentType},
		{"content encoding", p.ContentEncoding},
	} {
		if len(s.value) > topology.MaxShortString {
			return fmt.Errorf("%w: the %s has %d bytes, want at most %d", ErrMalformed, s.name, len(s.value), topology.MaxShortString)
		}
	}
	if err := topology.CheckName("exchange", exchange); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return checkNames(p.Headers)
}

func checkNames(v any) error {
	switch v := v.(type) {
	case amqp091.Table:
		for name, value := range v {
			if len(name) > topology.MaxShortString {
				return fmt.Errorf("%w: the name of a header has %d bytes, want at most %d", ErrMalformed, len(name), topology.MaxShortString)
			}
			if err := checkNames(value); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := checkNames(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// frameReserve is the space reserved for the properties other than the headers, in bytes.
const frameReserve = 3 << 10

// checkSize returns an error if the headers do not fit into a frame. A frame size of 0
// means no limit.
func checkSize(p *amqp091.Publishing, frame int) error {
	if len(p.Headers) == 0 || frame == 0 {
		return nil
	}
	if size := TableSize(p.Headers); size > frame-frameReserve {
		return fmt.Errorf("%w: the headers take about %d bytes, want at most %d", ErrTooLarge, size, frame-frameReserve)
	}
	return nil
}

// TableSize returns about how many bytes the headers take on the wire.
func TableSize(t map[string]any) int {
	n := 4
	for name, v := range t {
		n += 1 + len(name) + fieldSize(v)
	}
	return n
}

// fieldSize returns how many bytes a value takes on the wire, its type included. 9 bytes
// are enough for any value without a length of its own.
func fieldSize(v any) int {
	switch v := v.(type) {
	case string:
		return 5 + len(v)
	case []byte:
		return 5 + len(v)
	case amqp091.Table:
		return 1 + TableSize(v)
	case message.Headers:
		return 1 + TableSize(v)
	case map[string]any:
		return 1 + TableSize(v)
	case []any:
		n := 5
		for _, e := range v {
			n += fieldSize(e)
		}
		return n
	default:
		return 9
	}
}
