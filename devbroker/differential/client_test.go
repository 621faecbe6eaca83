package differential_test

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// patience bounds the wait for a reply. A broker that never replies is a difference.
const patience = 10 * time.Second

// dialer connects to a broker.
type dialer func() (net.Conn, error)

// client is one AMQP connection, whose frames are read as they come.
type client struct {
	conn   net.Conn
	ending string // makes the names of a play unique; the transcript leaves it out
	done   chan struct{}
	news   chan struct{} // holds a token when something has come

	mu       sync.Mutex
	replies  map[uint16][]wire.Method // by channel, not yet awaited
	held     map[uint16][]held        // by channel, in the order of delivery
	seen     map[string][]string      // by who saw it, in order
	arrivals int
	pending  wire.Method // awaits its content
	header   wire.Header
	body     []byte
	err      error
}

// held is a delivery that awaits its settlement.
type held struct {
	tag  uint64
	body string
}

func newClient(dial dialer, ending string) (*client, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	c := &client{
		conn: conn, ending: ending, done: make(chan struct{}), news: make(chan struct{}, 1),
		replies: map[uint16][]wire.Method{}, held: map[uint16][]held{}, seen: map[string][]string{},
	}
	go c.read()
	capabilities := wire.Table{{Name: "consumer_cancel_notify", Value: true}, {Name: "basic.nack", Value: true}}
	c.write(wire.AppendProtocolHeader(nil))
	c.await(0)
	c.send(0, &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Name: "capabilities", Value: capabilities}},
		Mechanism:        "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US",
	})
	c.await(0)
	c.send(0, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072})
	c.send(0, &wire.ConnectionOpen{VirtualHost: "/"})
	if got := c.await(0); got == nil {
		c.close()
		return nil, fmt.Errorf("differential: handshake: %w", c.err)
	}
	return c, nil
}

// tcp connects to the broker at an AMQP URL.
func tcp(address string) dialer {
	return func() (net.Conn, error) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		return net.DialTimeout("tcp", u.Host, patience)
	}
}

func (c *client) close() {
	_ = c.conn.Close()
	<-c.done
}

// write ignores errors: a lost connection is noticed by reading.
func (c *client) write(b []byte) { _, _ = c.conn.Write(b) }

func (c *client) send(channel uint16, m wire.Method) { c.write(wire.AppendMethod(nil, channel, m)) }

func (c *client) publish(channel uint16, m *wire.BasicPublish, p wire.Properties, body string) {
	b := wire.AppendMethod(nil, channel, m)
	c.write(wire.AppendContent(b, channel, wire.ClassBasic, p.Append(nil), []byte(body), 131072))
}

// await returns the next reply on a channel; nil if none comes.
func (c *client) await(channel uint16) wire.Method {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if m, ok := c.reply(channel); ok {
			return m
		}
		select {
		case <-c.news:
		case <-c.done:
			m, _ := c.reply(channel)
			return m
		case <-timer.C:
			return nil
		}
	}
}

func (c *client) reply(channel uint16) (wire.Method, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.replies[channel]
	if len(all) == 0 {
		return nil, false
	}
	c.replies[channel] = all[1:]
	return all[0], true
}

func (c *client) read() {
	defer close(c.done)
	reader := wire.NewReader(c.conn)
	for {
		f, err := reader.Next()
		if err == nil {
			err = c.take(f)
		}
		if err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			return
		}
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
}

// take keeps what a frame brings.
func (c *client) take(f wire.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Type {
	case wire.FrameMethod:
		m, err := wire.ParseMethod(f.Payload)
		if err == nil {
			c.method(f.Channel, m)
		}
		return err
	case wire.FrameHeader:
		h, err := wire.ParseHeader(f.Payload)
		if err != nil {
			return err
		}
		h.Properties = slices.Clone(h.Properties)
		c.header, c.body = h, nil
	case wire.FrameBody:
		c.body = append(c.body, f.Payload...)
	default:
		return nil
	}
	if uint64(len(c.body)) < c.header.BodySize {
		return nil
	}
	return c.content(f.Channel)
}

func (c *client) method(channel uint16, m wire.Method) {
	switch m := m.(type) {
	case *wire.BasicDeliver, *wire.BasicGetOk, *wire.BasicReturn:
		c.pending = m
	case *wire.BasicCancel:
		c.note(channel, m.ConsumerTag, "cancelled by the broker")
	case *wire.ConnectionClose:
		c.note(0, "connection", fmt.Sprintf("closed: %d %s", m.ReplyCode, m.ReplyText))
		c.send(0, &wire.ConnectionCloseOk{})
		_ = c.conn.Close()
	case *wire.ChannelClose:
		c.held[channel] = nil
		c.replies[channel] = append(c.replies[channel], m)
	default:
		c.replies[channel] = append(c.replies[channel], m)
	}
}

func (c *client) note(channel uint16, who, what string) {
	c.arrivals++
	who = fmt.Sprintf("channel %d %s", channel, who)
	c.seen[who] = append(c.seen[who], strings.ReplaceAll(what, c.ending, ""))
}

// content notes a message with what matters of it.
func (c *client) content(channel uint16) error {
	p, err := wire.ParseProperties(c.header.Properties)
	if err != nil {
		return err
	}
	parts := []string{fmt.Sprintf("%s of %d", c.body, p.Priority)}
	for _, name := range []string{"x-delivery-count", "x-acquired-count", "x-first-death-reason"} {
		if v, ok := p.Headers.Get(name); ok {
			parts = append(parts, fmt.Sprintf("%s=%v", strings.TrimPrefix(name, "x-"), v))
		}
	}
	what := strings.Join(parts, " ")
	switch m := c.pending.(type) {
	case *wire.BasicDeliver:
		c.note(channel, m.ConsumerTag, fmt.Sprintf("%q %q %s redelivered=%t", m.Exchange, m.RoutingKey, what, m.Redelivered))
		c.held[channel] = append(c.held[channel], held{tag: m.DeliveryTag, body: string(c.body)})
	case *wire.BasicGetOk:
		c.note(channel, "get", fmt.Sprintf("%q %q %s redelivered=%t, %d left", m.Exchange, m.RoutingKey, what, m.Redelivered, m.MessageCount))
		c.held[channel] = append(c.held[channel], held{tag: m.DeliveryTag, body: string(c.body)})
		c.replies[channel] = append(c.replies[channel], m)
	case *wire.BasicReturn:
		c.note(channel, "return", fmt.Sprintf("%d %s: %s", m.ReplyCode, m.ReplyText, c.body))
	}
	return nil
}

// takeSeen returns what has come since the last call, sorted by who saw it.
func (c *client) takeSeen() (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for who, all := range c.seen {
		for _, what := range all {
			lines = append(lines, who+": "+what)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		whoA, _, _ := strings.Cut(a, ":")
		whoB, _, _ := strings.Cut(b, ":")
		return strings.Compare(whoA, whoB)
	})
	clear(c.seen)
	return lines
}

// pick takes one of the held deliveries out, chosen by body since the order between
// consumers is not promised.
func (c *client) pick(channel uint16, n int) (held, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.held[channel]
	if len(all) == 0 {
		return held{}, false
	}
	slices.SortStableFunc(all, func(a, b held) int { return strings.Compare(a.body, b.body) })
	i := n % len(all)
	h := all[i]
	c.held[channel] = slices.Delete(all, i, i+1)
	return h, true
}

func (c *client) arrived() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.arrivals
}
