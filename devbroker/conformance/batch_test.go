package conformance_test

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// batchScenarios test several messages that are requeued at once.
var batchScenarios = []scenario{
	{
		name: "a message that has expired comes back behind one that has not",
		do: func(c *client) {
			for _, args := range []table{nil, {"x-max-priority": 5}, {"x-queue-type": "quorum"}} {
				c.declare("q", queue{args: args})
				c.send("", c.at("q"), "a", amqp.Publishing{Priority: 5})
				ch := c.open()
				ch.consume("q", consume{})
				c.send("", c.at("q"), "b", amqp.Publishing{Expiration: "0"})
				c.ready("q", 0)
				ch.fail("close", ch.Close())
				c.holds("q", 2)
				c.delete("q", false, false)
			}
		},
		want: `
			q holds 2
			delete q: 2 messages
			q holds 2
			delete q: 2 messages
			q holds 2
			delete q: 2 messages`,
	},
	{
		name: "a message that comes back to a full queue goes to the next consumer, or to its limit",
		do: func(c *client) {
			for _, kind := range kinds {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length": 0}})
				first, second := c.open(), c.open()
				first.qos(1, false)
				second.qos(1, false)
				k1 := first.consume(kind, consume{tag: kind + " k1"})
				k2 := second.consume(kind, consume{tag: kind + " k2"})
				c.publish(kind, "a")
				k1.take(1)
				first.fail("close", first.Close())
				k2.perhaps()
			}
		},
		want: `
			classic k1: a
			classic k2: nothing more
			quorum k1: a
			quorum k2: a, redelivered comes too`,
	},
	{
		name: "what two consumers of a channel hold comes back to a quorum queue when the channel is closed",
		do: func(c *client) {
			c.quorum("q", nil)
			ch := c.twoConsumers("q", "z", "y")
			ch.fail("close", ch.Close())
			c.ready("q", 4)
			c.open().drain("q")
		},
		want: `
			z: a
			y: b
			z: c
			y: d
			q: a, redelivered | c, redelivered | b, redelivered | d, redelivered`,
		differ: []difference{{
			versions: "3.10",
			want: `
				z: a
				y: b
				z: c
				y: d
				q: b, redelivered | d, redelivered | a, redelivered | c, redelivered`,
			why: "later versions take back in the order in which the consumers began, 3.10 in the order of their tags",
		}},
	},
	{
		name: "what two consumers of a channel hold is nacked to a quorum queue with one method",
		do: func(c *client) {
			c.quorum("q", table{"x-delivery-limit": 5})
			ch := c.twoConsumers("q", "z", "y")
			ch.fail("cancel", ch.Cancel("y", false))
			ch.fail("cancel", ch.Cancel("z", false))
			ch.fail("nack", ch.Nack(0, true, requeue))
			c.ready("q", 4)
			c.open().drain("q")
		},
		want: `
			z: a
			y: b
			z: c
			y: d
			q: b, redelivered | d, redelivered | a, redelivered | c, redelivered`,
	},
	{
		name: "what two consumers of a channel hold of a classic queue is dead-lettered with one method",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			ch := c.twoConsumers("q", "z", "y")
			ch.fail("nack", ch.Nack(0, true, drop))
			c.ready("dead", 4)
			c.open().drain("dead")
		},
		want: `
			z: a
			y: b
			z: c
			y: d
			dead: b | d | a | c`,
	},
	{
		name: "a channel whose error closes the connection gives what it held of a classic queue to another one",
		do: func(c *client) {
			for _, kind := range kinds {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				d := c.dial()
				k1 := d.consume(kind, consume{tag: "k1"})
				c.publish(kind, "a")
				k1.take(1)
				d.open().consume(kind, consume{tag: "k2", noAck: true}) // receives a, if the broker delivers it here
				_, err := d.Consume(c.at(kind), "k1", false, false, false, false, nil)
				d.fail("k1 again", err)
				<-time.After(nothing)
				c.holds(kind, map[string]int{"quorum": 1}[kind])
			}
		},
		want: `
			k1: a
			k1 again: connection closed, 530 NOT_ALLOWED - attempt to reuse consumer tag 'k1'
			classic holds 0
			k1: a
			k1 again: connection closed, 530 NOT_ALLOWED - attempt to reuse consumer tag 'k1'
			quorum holds 1`,
	},
}

// twoConsumers starts two consumers on a channel, which receive a, b, c and d in turn.
func (c *client) twoConsumers(queue string, tags ...string) *channel {
	c.t.Helper()
	ch := c.open()
	k1 := ch.consume(queue, consume{tag: tags[0]})
	k2 := ch.consume(queue, consume{tag: tags[1]})
	for _, body := range []string{"a", "b", "c", "d"} {
		c.publish(queue, body)
		nextOf(k1, k2)
	}
	return ch
}
