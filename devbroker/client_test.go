package devbroker_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// bubble runs f with a broker over pipes, in a bubble where hours pass in no time.
func bubble(t *testing.T, cfg devbroker.Config, f func(t *testing.T, b *devbroker.Broker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, pipe(t, cfg)) })
}

// pipe starts a broker without heartbeats, which would outnumber all else in a year.
func pipe(t *testing.T, cfg devbroker.Config) *devbroker.Broker {
	t.Helper()
	cfg.Heartbeat = -1
	return closing(t)(devbroker.Pipe(cfg))
}

func listen(t *testing.T, cfg devbroker.Config) *devbroker.Broker {
	t.Helper()
	return closing(t)(devbroker.Start(cfg))
}

func closing(t *testing.T) func(*devbroker.Broker, error) *devbroker.Broker {
	t.Helper()
	return func(b *devbroker.Broker, err error) *devbroker.Broker {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		return b
	}
}

// client is a connection with one channel, whose failures fail the test.
type client struct {
	*amqp.Channel
	t    *testing.T
	conn *amqp.Connection

	lost   chan *amqp.Error // the connection
	closed chan *amqp.Error // the channel
}

// connect opens a connection over a pipe, and a channel.
func connect(t *testing.T, b *devbroker.Broker) *client {
	t.Helper()
	conn, err := dial(b, b.URL())
	if err != nil {
		t.Fatal(err)
	}
	return open(t, conn)
}

// dial connects over a pipe, without heartbeats if the broker wants none.
func dial(b *devbroker.Broker, url string) (*amqp.Connection, error) {
	return amqp.DialConfig(url, amqp.Config{Dial: b.Dial, Heartbeat: time.Nanosecond})
}

func open(t *testing.T, conn *amqp.Connection) *client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() }) // most have been closed by then
	c := &client{t: t, conn: conn, lost: conn.NotifyClose(make(chan *amqp.Error, 1))}
	c.reopen()
	return c
}

// reopen opens another channel, in confirm mode.
func (c *client) reopen() {
	c.t.Helper()
	ch, err := c.conn.Channel()
	c.must(err)
	c.Channel, c.closed = ch, ch.NotifyClose(make(chan *amqp.Error, 1))
	c.must(ch.Confirm(false))
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// declare declares a durable queue.
func (c *client) declare(queue string, args amqp.Table) {
	c.t.Helper()
	_, err := c.QueueDeclare(queue, true, false, false, false, args)
	c.must(err)
}

// send publishes a body without waiting for its confirm.
func (c *client) send(exchange, key, body string) *amqp.DeferredConfirmation {
	c.t.Helper()
	confirm, err := c.PublishWithDeferredConfirm(exchange, key, false, false, amqp.Publishing{Body: []byte(body)})
	c.must(err)
	return confirm
}

// put publishes bodies to a queue, each confirmed before the next.
func (c *client) put(queue string, bodies ...string) {
	c.t.Helper()
	for _, body := range bodies {
		if !c.send("", queue, body).Wait() {
			c.t.Fatalf("%s was not confirmed", body)
		}
	}
}

// pull gets a message from the queue q, where one must be.
func (c *client) pull() amqp.Delivery {
	c.t.Helper()
	d, ok, err := c.Get("q", false)
	c.must(err)
	if !ok {
		c.t.Fatal("no message in q")
	}
	return d
}

// listen consumes a queue with a prefetch; 0 is without limit.
func (c *client) listen(queue string, prefetch int) <-chan amqp.Delivery {
	c.t.Helper()
	c.must(c.Qos(prefetch, 0, false))
	deliveries, err := c.Consume(queue, "", false, false, false, false, nil)
	c.must(err)
	return deliveries
}

// next waits for a delivery.
func next(t *testing.T, deliveries <-chan amqp.Delivery) amqp.Delivery {
	t.Helper()
	select {
	case d, ok := <-deliveries:
		if !ok {
			t.Fatal("the consumer has ended")
		}
		return d
	case <-time.After(time.Minute):
		t.Fatal("no delivery in a minute")
	}
	return amqp.Delivery{}
}

// none makes sure that nothing has come once all is quiet; for bubbles.
func none[T any](t *testing.T, what <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case got, ok := <-what:
		if ok {
			t.Errorf("got %+v, want nothing", got)
		} else {
			t.Error("the channel is closed, want nothing on it")
		}
	default:
	}
}

// reason waits for the end of a channel or a connection and returns its code and text.
func reason(t *testing.T, ended <-chan *amqp.Error) string {
	t.Helper()
	select {
	case err, ok := <-ended:
		if !ok {
			return "closed in peace"
		}
		return text(err)
	case <-time.After(time.Minute):
		t.Fatal("not closed in a minute")
	}
	return ""
}

// text returns the code and reason of an AMQP error, and the text of other errors.
func text(err error) string {
	if e, ok := errors.AsType[*amqp.Error](err); ok {
		return e.Reason
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// queue looks at a queue from the inside.
func queue(b *devbroker.Broker, name string) devbroker.QueueInfo {
	all := b.Queues()
	i := slices.IndexFunc(all, func(q devbroker.QueueInfo) bool { return q.Name == name })
	if i < 0 {
		return devbroker.QueueInfo{Ready: -1, Unacked: -1, Consumers: -1}
	}
	return all[i]
}

// bodies returns the bodies of the messages that are ready in the queue q, in order.
func bodies(b *devbroker.Broker) []string {
	var all []string
	for _, m := range b.Messages("/", "q") {
		all = append(all, string(m.Body))
	}
	return all
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
