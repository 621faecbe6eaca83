package devbroker

import (
	"errors"
	"io"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// headerSize is the length of a content header before its properties, in bytes: class,
// weight and body size.
const headerSize = 12

// handle handles a frame. It returns a *replyError that closes the connection, or io.EOF
// when the connection has ended.
func (c *connection) handle(f wire.Frame) error {
	switch {
	case c.halted && !c.closing:
		return io.EOF // frames after a dropped connection are ignored
	case c.closing:
		return c.awaitCloseOk(f)
	case f.Type == wire.FrameHeartbeat && len(f.Payload) > 0, f.Type == 0, f.Type > wire.FrameBody && f.Type != wire.FrameHeartbeat:
		return refuse(frameError, "%s: unknown_frame", f)
	case f.Type == wire.FrameHeader && len(f.Payload) < headerSize:
		return refuse(frameError, "%s: unknown_frame", f)
	case f.Type == wire.FrameHeartbeat && f.Channel == 0:
		return nil
	case f.Type == wire.FrameHeartbeat, f.Type != wire.FrameMethod && f.Channel == 0:
		return refuse(unexpectedFrame, "%s", f)
	case f.Channel == 0:
		return c.handleOwn(f)
	}
	if ch := c.channels[f.Channel]; ch != nil {
		return ch.handle(f)
	}
	return c.openChannel(f)
}

func (c *connection) awaitCloseOk(f wire.Frame) error {
	if f.Channel != 0 || f.Type != wire.FrameMethod {
		return nil
	}
	m, err := wire.ParseMethod(f.Payload)
	if err != nil {
		return nil //nolint:nilerr // frames of a client after close are ignored
	}
	switch m.(type) {
	case *wire.ConnectionCloseOk:
		return io.EOF
	case *wire.ConnectionClose:
		c.out.method(0, &wire.ConnectionCloseOk{})
	}
	return nil
}

// handleOwn handles a frame on channel 0.
func (c *connection) handleOwn(f wire.Frame) error {
	m, err := parseMethod(f)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.ConnectionClose:
		c.release()
		c.out.method(0, &wire.ConnectionCloseOk{})
		return io.EOF
	case *wire.ConnectionUpdateSecret:
		c.out.method(0, &wire.ConnectionUpdateSecretOk{})
		return nil
	default:
		return attribute(refuse(channelError, "unexpected method in connection state running"), m)
	}
}

// openChannel opens a channel. The first frame on a channel must be channel.open.
func (c *connection) openChannel(f wire.Frame) error {
	m, err := parseMethod(f)
	if err != nil {
		return err
	}
	if _, ok := m.(*wire.ChannelOpen); !ok {
		return attribute(refuse(channelError, "expected 'channel.open'"), m)
	}
	if n := len(c.channels); n >= int(c.channelMax) {
		return refuse(notAllowed, "number of channels opened (%d) has reached the negotiated channel_max (%d)", n, c.channelMax)
	}
	c.channels[f.Channel] = newChannel(c, f.Channel)
	c.out.method(f.Channel, &wire.ChannelOpenOk{})
	return nil
}

// parseMethod decodes a method. Its errors are the replies that RabbitMQ sends; for some
// malformed methods RabbitMQ sends no reply.
func parseMethod(f wire.Frame) (wire.Method, error) {
	if f.Type != wire.FrameMethod {
		return nil, refuse(unexpectedFrame, "expected method frame, got non method frame instead")
	}
	m, err := wire.ParseMethod(f.Payload)
	if err == nil {
		return m, nil
	}
	if bad, ok := errors.AsType[*wire.FrameError](err); ok {
		reply := &replyError{code: frameError, text: bad.Reason, hard: true, class: bad.Class, method: bad.Method}
		if len(f.Payload) < 4 {
			reply.text = f.String() + ": unknown_frame"
		}
		return nil, reply
	}
	unknown, ok := errors.AsType[*wire.UnknownMethodError](err)
	if ok && unknown.Class != wire.ClassConnection && wire.KnownClass(unknown.Class) {
		text := "cannot decode " + wire.Octets(f.Payload[4:])
		return nil, &replyError{code: frameError, text: text, hard: true, class: unknown.Class, method: unknown.Method}
	}
	return nil, err
}
