package conformance_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	patience = 10 * time.Second       // for what must come
	nothing  = 150 * time.Millisecond // for what must not
	closing  = 5 * time.Second        // a broker that hangs must not hang the test
)

// table is short for the tables of arguments and headers.
type table = amqp.Table

// generated matches the parts of a text that differ in every run.
var generated = regexp.MustCompile(`(amq\.(gen|ctag))-[A-Za-z0-9_-]+`)

// notes records what all clients of a scenario see, in order. Scenarios use short names of
// queues and exchanges. On the wire a suffix makes the names unique; the notes show the
// short names.
type notes struct {
	t      *testing.T
	url    string
	ending string

	counting bool // whether deliveries are noted with their x-delivery-count

	mu    sync.Mutex
	lines []string
	used  map[string]bool // names to be deleted in the end
}

// client is a connection with its first channel embedded.
type client struct {
	*channel
	conn   *amqp.Connection
	sender *channel // in confirm mode, for messages published outside the scenario's own channels
}

func newClient(t *testing.T, url string) *client {
	t.Helper()
	n := &notes{t: t, url: url, ending: "-" + strings.ToLower(rand.Text()[:8]), used: make(map[string]bool)}
	t.Cleanup(n.clean)
	return n.dial()
}

// notef adds a line.
func (n *notes) notef(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// noted returns the lines without the parts that differ between runs. It replaces back
// quotes with plain quotes, because the tables cannot contain back quotes.
func (n *notes) noted() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := strings.ReplaceAll(strings.Join(n.lines, "\n"), n.ending, "")
	return generated.ReplaceAllString(strings.ReplaceAll(text, "`", "'"), "$1-…")
}

// at returns the name on the wire of a queue or an exchange of the scenario.
func (n *notes) at(name string) string {
	if name == "" || strings.HasPrefix(name, "amq.") {
		return name
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.used[name+n.ending] = true
	return name + n.ending
}

// dial opens a connection, and a channel on it.
func (n *notes) dial() *client {
	n.t.Helper()
	c, err := n.tryDial(amqp.Config{})
	if err != nil {
		n.t.Fatalf("connect to %s: %v", n.url, err)
	}
	c.channel = c.open()
	return c
}

// tryDial opens a connection without a channel. It closes a connection that lasts too long,
// so that a broker that does not answer cannot block the test.
func (n *notes) tryDial(config amqp.Config) (*client, error) {
	n.t.Helper()
	var wire net.Conn
	config.Dial = func(network, address string) (conn net.Conn, err error) {
		if conn, err = amqp.DefaultDial(patience)(network, address); err == nil {
			wire = conn
		}
		return conn, err
	}
	conn, err := amqp.DialConfig(n.url, config)
	if err != nil {
		return nil, err
	}
	cut := time.AfterFunc(3*patience, func() { _ = wire.Close() })
	n.t.Cleanup(func() {
		cut.Stop()
		if err := conn.CloseDeadline(time.Now().Add(closing)); err != nil && !errors.Is(err, amqp.ErrClosed) {
			n.t.Logf("close connection: %v", err)
		}
	})
	return &client{channel: &channel{notes: n}, conn: conn}, nil
}

// open opens another channel on the connection.
func (c *client) open() *channel {
	c.t.Helper()
	raw, err := c.conn.Channel()
	if err != nil {
		c.t.Fatalf("open a channel: %v\n%s", err, c.noted())
	}
	return &channel{notes: c.notes, conn: c.conn, Channel: raw, closes: raw.NotifyClose(make(chan *amqp.Error, 1))}
}

// attempt calls a function with a new channel, and notes ok or the error.
func (c *client) attempt(what string, do func(ch *channel)) {
	c.t.Helper()
	if c.conn.IsClosed() {
		c.notef("%s: no connection", what)
		return
	}
	ch := c.open()
	ch.doing = what
	do(ch)
	if !ch.failed {
		c.notef("%s: ok", what)
	}
	_ = ch.Close() // already closed after an error
}

// close closes the connection with connection.close.
func (c *client) close() {
	c.t.Helper()
	c.fail("close", c.conn.Close())
}

// reason returns an AMQP error as code and text.
func reason(err error) string {
	if e, ok := errors.AsType[*amqp.Error](err); ok {
		if e == nil {
			return "in good order"
		}
		return fmt.Sprintf("%d %s", e.Code, e.Reason)
	}
	return err.Error()
}

// clean deletes everything that the scenario has declared. An exclusive queue may still be
// locked; it is deleted with its connection.
func (n *notes) clean() {
	conn, err := amqp.Dial(n.url)
	if err != nil {
		n.t.Errorf("connect to clean up: %v", err)
		return
	}
	defer func() { _ = conn.CloseDeadline(time.Now().Add(closing)) }()
	ch, err := conn.Channel()
	for name := range n.used {
		if err == nil {
			_, err = ch.QueueDelete(name, false, false, false)
		}
		if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.ResourceLocked {
			ch, err = conn.Channel()
		}
		if err == nil {
			err = ch.ExchangeDelete(name, false, false)
		}
	}
	if err != nil {
		n.t.Errorf("clean up: %v", err)
	}
}
