package conformance_test

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// prioritised publishes messages whose bodies contain their priorities. The client omits the
// property for priority 0.
func (c *client) prioritised(queue string, priorities ...uint8) {
	c.t.Helper()
	for i, p := range priorities {
		c.send("", c.at(queue), fmt.Sprintf("%c of %d", 'a'+i, p), amqp.Publishing{Priority: p})
	}
}

var priorityScenarios = []scenario{
	{
		name: "a classic queue with priorities delivers the highest first, and equals in order",
		do: func(c *client) {
			c.classic("q", table{"x-max-priority": 5})
			c.prioritised("q", 1, 5, 0, 3, 5, 1)
			c.consume("q", consume{}).take(6)
		},
		want: `
			got: b of 5
			got: e of 5
			got: d of 3
			got: a of 1
			got: f of 1
			got: c of 0`,
	},
	{
		name: "a priority above the highest is the highest, none is 0",
		do: func(c *client) {
			c.classic("q", table{"x-max-priority": 5})
			c.publish("q", "none")
			c.prioritised("q", 0, 5, 9, 255, 4)
			k := c.consume("q", consume{})
			for _, d := range k.take(6) {
				c.notef("priority %d", d.Priority)
			}
		},
		want: `
			got: b of 5
			got: c of 9
			got: d of 255
			got: e of 4
			got: none
			got: a of 0
			priority 5
			priority 9
			priority 255
			priority 4
			priority 0
			priority 0`,
	},
	{
		name: "a requeued message keeps its priority, and its place among equals",
		do: func(c *client) {
			c.classic("q", table{"x-max-priority": 5})
			c.prioritised("q", 1, 1, 2)
			c.get("q")
			c.get("q")
			c.prioritised("q", 2, 1)
			c.fail("nack", c.Nack(2, true, requeue))
			c.sync()
			for range 5 {
				c.get("q")
			}
		},
		want: `
			get: c of 2
			get: a of 1
			get: c of 2, redelivered
			get: a of 2
			get: a of 1, redelivered
			get: b of 1
			get: b of 1`,
	},
	{
		name: "what is in a consumer's hands already is not overtaken",
		do: func(c *client) {
			c.classic("q", table{"x-max-priority": 5})
			c.qos(2, false)
			k := c.consume("q", consume{})
			c.prioritised("q", 0, 0, 0, 5)
			k.take(2)
			c.ack(1)
			k.take(1)
		},
		want: `
			got: a of 0
			got: b of 0
			got: d of 5`,
	},
	{
		name: "where there is no room the head goes, of all things the highest",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", table{"x-max-priority": 5, "x-max-length": 2}))
			c.prioritised("q", 5, 1, 3, 0)
			c.ready("dead", 2)
			c.drain("q")
			c.drain("dead")
		},
		want: `
			q: b of 1 | d of 0
			dead: a of 5 | c of 3`,
	},
	{
		name: "times are looked at for the head alone, and it is of the highest priority",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", table{"x-max-priority": 5}))
			k := c.open().consume("dead", consume{tag: "dead"})
			c.send("", c.at("q"), "high", amqp.Publishing{Priority: 5})
			c.send("", c.at("q"), "low", amqp.Publishing{Priority: 1, Expiration: "20"})
			k.none()
			c.get("q")
			k.take(1)
		},
		want: `
			dead: nothing more
			get: high
			dead: low`,
	},
	{
		name: "a message that has overtaken another does not expire, since its time is not checked",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", table{"x-max-priority": 5}))
			c.send("", c.at("q"), "low", amqp.Publishing{Priority: 1})
			c.send("", c.at("q"), "high", amqp.Publishing{Priority: 5, Expiration: "20"})
			c.consume("dead", consume{tag: "dead"}).none()
			c.drain("q")
		},
		want: `
			dead: nothing more
			q: high | low`,
	},
	{
		name: "a classic queue without priorities takes no notice of them",
		do: func(c *client) {
			c.classic("q", nil)
			c.prioritised("q", 0, 9, 5)
			c.consume("q", consume{}).take(3)
		},
		want: `
			got: a of 0
			got: b of 9
			got: c of 5`,
	},
	{
		name: "x-max-priority of 0 is one level",
		do: func(c *client) {
			c.classic("q", table{"x-max-priority": 0})
			c.prioritised("q", 0, 9, 5)
			c.consume("q", consume{}).take(3)
		},
		want: `
			got: b of 9
			got: c of 5
			got: a of 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: a of 0
				got: b of 9
				got: c of 5`,
			why: "3.10 has one level, later brokers have priorities all the same",
		}},
	},
	{
		name: "a dead letter keeps its priority",
		do: func(c *client) {
			c.classic("dead", table{"x-max-priority": 5})
			c.classic("q", c.deadTo("dead", nil))
			c.prioritised("q", 1, 3)
			c.get("q")
			c.get("q")
			c.fail("nack", c.Nack(2, true, drop))
			c.holds("dead", 2)
			c.consume("dead", consume{}).take(2)
		},
		want: `
			get: a of 1
			get: b of 3
			dead holds 2
			got: b of 3
			got: a of 1`,
	},
}
