package devbroker

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// handshake goes from the protocol header to connection.open-ok, as section 2.2.4 of
// the AMQP 0-9-1 specification has it.
func (c *connection) handshake() error {
	header, err := c.in.ProtocolHeader()
	if err != nil {
		return err
	}
	if want := wire.AppendProtocolHeader(nil); string(header[:]) != string(want) {
		c.out.add(wire.AppendProtocolHeader)
		return errors.New("devbroker: another protocol")
	}
	c.out.method(0, &wire.ConnectionStart{
		VersionMajor: 0, VersionMinor: 9, ServerProperties: c.broker.properties(),
		Mechanisms: c.mechanisms(), Locales: "en_US",
	})
	for _, step := range []func() error{c.start, c.tune, c.open} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// mechanisms are the ways to log in that are offered.
func (c *connection) mechanisms() string {
	if c.peer() == nil {
		return c.broker.gen.mechanisms
	}
	return c.broker.gen.mechanisms + " EXTERNAL"
}

// properties are what the broker tells of itself. Clients look at the product, the version
// and the capabilities; information is for people.
func (b *Broker) properties() wire.Table {
	capabilities := make(wire.Table, 0, len(capabilityNames))
	for _, name := range capabilityNames {
		capabilities = capabilities.Set(name, true)
	}
	return wire.Table{
		{Name: "capabilities", Value: capabilities},
		{Name: "cluster_name", Value: "devbroker"},
		{Name: "information", Value: "devbroker: in memory, for development and tests; this is not RabbitMQ"},
		{Name: "platform", Value: "Go"},
		{Name: "product", Value: "RabbitMQ"},
		{Name: "version", Value: b.gen.version},
	}
}

var capabilityNames = []string{
	"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
	"connection.blocked", "consumer_priorities", "authentication_failure_close", "per_consumer_qos",
}

// start finds out who the client is.
func (c *connection) start() error {
	m, err := expect[*wire.ConnectionStartOk](c)
	if err != nil {
		return err
	}
	if table, ok := m.ClientProperties.Get("capabilities"); ok {
		c.capabilities, _ = table.(wire.Table)
	}
	if !strings.Contains(" "+c.mechanisms()+" ", " "+m.Mechanism+" ") {
		return c.deny(notAllowed, "unknown authentication mechanism '%s'", m.Mechanism)
	}
	if c.account = c.broker.authenticate(m.Mechanism, m.Response, c.peer()); c.account != nil {
		return nil
	}
	if !c.can("authentication_failure_close") {
		return errors.New("devbroker: login refused")
	}
	return c.deny(accessRefused, "Login was refused using authentication mechanism %s."+
		" For details see the broker logfile.", m.Mechanism)
}

// deny ends the handshake with a close, whatever the code means on a channel.
func (c *connection) deny(code uint16, format string, args ...any) error {
	return &replyError{code: code, text: fmt.Sprintf(format, args...), hard: true}
}

// tune agrees on limits: of two the lower, where zero means none.
func (c *connection) tune() error {
	cfg := c.broker.cfg
	beat := uint16(max(cfg.Heartbeat, 0) / time.Second)
	c.out.method(0, &wire.ConnectionTune{ChannelMax: cfg.ChannelMax, FrameMax: cfg.FrameMax, Heartbeat: beat})
	m, err := expect[*wire.ConnectionTuneOk](c)
	switch {
	case err != nil:
		return err
	case m.FrameMax != 0 && m.FrameMax < minFrame:
		return c.deny(notAllowed, "frame_max=%d < %d min size", m.FrameMax, minFrame)
	case m.FrameMax > cfg.FrameMax || m.FrameMax == 0:
		return c.deny(notAllowed, "frame_max=%d > %d max size", m.FrameMax, cfg.FrameMax)
	case m.ChannelMax > cfg.ChannelMax || m.ChannelMax == 0:
		return c.deny(notAllowed, "channel_max=%d > %d max size", m.ChannelMax, cfg.ChannelMax)
	}
	c.channelMax = m.ChannelMax
	c.in.SetMax(m.FrameMax)
	heartbeat := time.Duration(m.Heartbeat) * time.Second
	c.out.tune(m.FrameMax, heartbeat/2)
	c.patience.Store(int64(2 * heartbeat))
	return nil
}

// open enters a virtual host.
func (c *connection) open() error {
	m, err := expect[*wire.ConnectionOpen](c)
	if err != nil {
		return err
	}
	c.broker.do(func() {
		vhost, ok := c.broker.vhosts[m.VirtualHost]
		switch {
		case !ok:
			err = c.deny(notAllowed, "vhost %s not found", m.VirtualHost)
		case c.broker.closed:
			err = c.deny(connectionForced, "broker forced connection closure with reason 'shutdown'")
		default:
			c.vhost = vhost
			c.out.method(0, &wire.ConnectionOpenOk{})
		}
	})
	return err
}

// expect reads the one method that the handshake has next.
func expect[M wire.Method](c *connection) (want M, err error) {
	for {
		f, err := c.in.Next()
		if err != nil {
			return want, err
		}
		if f.Type == wire.FrameHeartbeat {
			continue
		}
		if f.Type != wire.FrameMethod || f.Channel != 0 {
			return want, c.deny(unexpectedFrame, "expected method frame, got type %d on channel %d", f.Type, f.Channel)
		}
		m, err := parseMethod(f)
		if err != nil {
			return want, err
		}
		if got, ok := m.(M); ok {
			return got, nil
		}
		if _, ok := m.(*wire.ConnectionClose); ok {
			c.out.method(0, &wire.ConnectionCloseOk{})
			return want, io.EOF
		}
		class, method := m.ID()
		return want, c.deny(channelError, "expected another method than %s", wire.MethodName(class, method))
	}
}

// parseMethod reads a method, or says what is wrong with it as RabbitMQ does.
func parseMethod(f wire.Frame) (wire.Method, error) {
	if f.Type != wire.FrameMethod {
		return nil, refuse(commandInvalid, "frame of type %d on channel %d", f.Type, f.Channel)
	}
	m, err := wire.ParseMethod(f.Payload)
	if err == nil {
		return m, nil
	}
	if unknown, ok := errors.AsType[*wire.UnknownMethodError](err); ok {
		return nil, refuse(notImplemented, "method %d of class %d", unknown.Method, unknown.Class)
	}
	return nil, refuse(syntaxError, "%v", err)
}
