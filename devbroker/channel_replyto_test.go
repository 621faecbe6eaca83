package devbroker_test

import (
	"strings"
	"testing"
	"testing/synctest"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

const replyTo = "amq.rabbitmq.reply-to"

// ask publishes a request for a direct reply to the queue q.
func (c *client) ask(body string) {
	c.t.Helper()
	c.must(c.Publish("", "q", false, false, amqp.Publishing{ReplyTo: replyTo, Body: []byte(body)}))
}

func (c *client) replies() <-chan amqp.Delivery {
	c.t.Helper()
	replies, err := c.Consume(replyTo, "", true, false, false, false, nil)
	c.must(err)
	return replies
}

func TestDirectReplyTo(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		one, two, server := connect(t, b), connect(t, b), connect(t, b)
		server.declare("q", nil)
		requests := server.listen("q", 1)
		first, second := one.replies(), two.replies()
		check(t, "queues that are seen", len(b.Queues()), 1)

		one.ask("one")
		two.ask("two")
		for range 2 {
			d := next(t, requests)
			if !strings.HasPrefix(d.ReplyTo, replyTo+".") {
				t.Errorf("reply to %q, want %s.…", d.ReplyTo, replyTo)
			}
			check(t, "the answer is confirmed", server.send("", d.ReplyTo, "to "+string(d.Body)).Wait(), true)
			server.must(d.Ack(false))
		}
		check(t, "answer", string(next(t, first).Body), "to one")
		check(t, "answer", string(next(t, second).Body), "to two")
		none(t, first)
		none(t, second)
	})
}

func TestDirectReplyToARequesterThatHasClosed(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{Version: "4.0"}, func(t *testing.T, b *devbroker.Broker) {
		c, server := connect(t, b), connect(t, b)
		server.declare("q", nil)
		c.replies()
		c.ask("1")
		c.must(c.Close())
		synctest.Wait()
		d := server.pull()
		returns := server.NotifyReturn(make(chan amqp.Return, 1))
		server.must(server.Publish("", d.ReplyTo, true, false, amqp.Publishing{}))
		check(t, "returned", (<-returns).ReplyText, "NO_ROUTE")
	})
}

func TestDirectReplyToIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(c *client) error
		want string
	}{
		"to a consumer that acks": {func(c *client) error {
			_, err := c.Consume(replyTo, "", false, false, false, false, nil)
			return err
		}, "PRECONDITION_FAILED - reply consumer cannot acknowledge"},
		"to a second consumer of a channel": {func(c *client) error {
			c.replies()
			_, err := c.Consume(replyTo, "", true, false, false, false, nil)
			return err
		}, "PRECONDITION_FAILED - reply consumer already set"},
		"to who asks without consuming": {func(c *client) error {
			closed := c.NotifyClose(make(chan *amqp.Error, 1)) // a call could find the channel closed already
			c.ask("1")
			return <-closed
		}, "PRECONDITION_FAILED - fast reply consumer does not exist"},
		"no longer, once the consumer has gone": {func(c *client) error {
			_, err := c.Consume(replyTo, "tag", true, false, false, false, nil)
			c.must(err)
			c.must(c.Cancel("tag", false))
			c.replies()
			return nil
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, pipe(t, devbroker.Config{}))
			check(t, "got", text(tt.do(c)), tt.want)
		})
	}
}
