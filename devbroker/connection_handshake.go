package devbroker

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// silentClose is how long RabbitMQ waits before it closes the connection of a refused client.
const silentClose = 3 * time.Second

// errOutOfTurn ends a handshake without connection.close, as RabbitMQ does.
var errOutOfTurn = errors.New("devbroker: handshake: the client sent a method out of turn")

// handshake runs the handshake from the protocol header to connection.open-ok, as described
// in section 2.2.4 of the AMQP 0-9-1 specification.
func (c *connection) handshake() error {
	if err := c.agreeOnProtocol(); err != nil {
		return err
	}
	c.in.SetMax(c.broker.gen.firstFrames)
	for _, step := range []func() error{c.start, c.tune, c.open} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// agreeOnProtocol answers the header of any protocol other than AMQP 0-9-1 with the header
// of a supported protocol.
func (c *connection) agreeOnProtocol() error {
	header, err := c.in.ProtocolHeader()
	if err != nil {
		return err
	}
	asked := string(header[:])
	if slices.Contains(c.broker.gen.headers, asked) {
		return nil
	}
	answer := c.broker.gen.headers[0]
	if c.broker.gen.speaksAMQP10 && !strings.HasPrefix(asked, "AMQP\x00\x00\x09") {
		answer = "AMQP\x03\x01\x00\x00" // AMQP 1.0 with SASL, which RabbitMQ names here; devbroker does not implement it
	}
	c.out.add(func(to []byte) []byte { return append(to, answer...) })
	return fmt.Errorf("devbroker: handshake: protocol %q", asked)
}

// mechanisms returns the SASL mechanisms that the broker offers.
func (c *connection) mechanisms() string {
	if c.peer() == nil {
		return c.broker.gen.mechanisms
	}
	return c.broker.gen.mechanisms + " EXTERNAL"
}

// properties returns the server properties. Clients read the product, the version and the
// capabilities; information is for people.
func (b *Broker) properties() wire.Table {
	capabilities := make(wire.Table, 0, len(capabilityNames))
	for _, name := range capabilityNames {
		capabilities = capabilities.Set(name, true)
	}
	return wire.Table{
		{Name: "capabilities", Value: capabilities},
		{Name: "cluster_name", Value: "devbroker"},
		{Name: "copyright", Value: "the authors of Warren"},
		{Name: "information", Value: "devbroker: in memory, for development and tests; this is not RabbitMQ"},
		{Name: "platform", Value: "Go"},
		{Name: "product", Value: "RabbitMQ"},
		{Name: "version", Value: b.gen.version},
	}
}

var capabilityNames = []string{
	"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
	"connection.blocked", "consumer_priorities", "authentication_failure_close", "per_consumer_qos", "direct_reply_to",
}

// start sends connection.start and logs the client in.
func (c *connection) start() error {
	c.out.method(0, &wire.ConnectionStart{
		VersionMajor: 0, VersionMinor: 9, ServerProperties: c.broker.properties(),
		Mechanisms: c.mechanisms(), Locales: "en_US",
	})
	m, err := expect[*wire.ConnectionStartOk](c)
	if err != nil {
		return err
	}
	if table, ok := m.ClientProperties.Get("capabilities"); ok {
		c.capabilities, _ = table.(wire.Table)
	}
	if !slices.Contains(strings.Fields(c.mechanisms()), m.Mechanism) {
		return errOutOfTurn
	}
	c.account, err = c.broker.authenticate(m.Mechanism, m.Response, c.peer())
	if errors.Is(err, errLogin) && c.can("authentication_failure_close") {
		return deny(accessRefused, "Login was refused using authentication mechanism %s."+
			" For details see the broker logfile.", m.Mechanism)
	}
	return err
}

// deny returns an error that ends the handshake with connection.close for any reply code.
func deny(code uint16, format string, args ...any) error {
	return &replyError{code: code, text: fmt.Sprintf(format, args...), hard: true, early: true}
}

// tune negotiates the limits. The lower of the two values applies; zero means no limit.
func (c *connection) tune() error {
	cfg := c.broker.cfg
	beat := uint16(max(cfg.Heartbeat, 0) / time.Second)
	c.out.method(0, &wire.ConnectionTune{ChannelMax: cfg.ChannelMax, FrameMax: cfg.FrameMax, Heartbeat: beat})
	m, err := expect[*wire.ConnectionTuneOk](c)
	if err != nil {
		return err
	}
	if m.FrameMax < c.broker.gen.minFrame || m.FrameMax > cfg.FrameMax || m.ChannelMax == 0 || m.ChannelMax > cfg.ChannelMax {
		return errOutOfTurn
	}
	c.channelMax = m.ChannelMax
	c.in.SetMax(m.FrameMax)
	heartbeat := time.Duration(m.Heartbeat) * time.Second
	c.out.tune(m.FrameMax, heartbeat/2)
	c.patience.Store(int64(2 * heartbeat))
	return nil
}

// open opens a virtual host.
func (c *connection) open() error {
	m, err := expect[*wire.ConnectionOpen](c)
	if err != nil {
		return err
	}
	c.broker.do(func() {
		vhost, ok := c.broker.vhosts[m.VirtualHost]
		switch {
		case !ok:
			err = deny(notAllowed, "vhost %s not found", m.VirtualHost)
		case vhost.full():
			err = deny(notAllowed, "access to vhost '%s' refused for user '%s': connection limit (%d) is reached",
				m.VirtualHost, c.account.Name, c.broker.connectionLimit)
		case c.broker.closed:
			err = deny(connectionForced, "broker forced connection closure with reason 'shutdown'")
		default:
			c.vhost = vhost
			c.out.method(0, &wire.ConnectionOpenOk{})
		}
	})
	return err
}

// expect reads the next method of the handshake, which must be of type M.
func expect[M wire.Method](c *connection) (want M, err error) {
	for {
		f, err := c.in.Next()
		switch {
		case errors.As(err, new(*wire.FrameError)):
			return want, errOutOfTurn
		case err != nil:
			return want, err
		case f.Type == wire.FrameHeartbeat:
			continue
		case f.Channel != 0 && c.channelMax > 0: // after tuning the client accepts connection.close
			return want, deny(unexpectedFrame, "%s", f)
		case f.Channel != 0:
			return want, errOutOfTurn
		}
		m, err := parseMethod(f)
		if err != nil {
			return want, fmt.Errorf("%w: %w", errOutOfTurn, err)
		}
		if got, ok := m.(M); ok {
			return got, nil
		}
		if _, ok := m.(*wire.ConnectionClose); ok {
			c.out.method(0, &wire.ConnectionCloseOk{})
			return want, io.EOF
		}
		return want, errOutOfTurn
	}
}
