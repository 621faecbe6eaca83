package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

var ttlScenarios = []scenario{
	{
		name: "a queue's time to live takes what waits, and not what is in hand",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 50}})
				ch := c.open()
				ch.qos(1, false)
				k := ch.consume(kind, consume{tag: kind})
				c.publish(kind, "a", "b")
				k.take(1)
				c.holds(kind, 0)
				ch.ack(1)
				k.none()
			}
		},
		want: `
			classic: a
			classic holds 0
			classic: nothing more
			quorum: a
			quorum holds 0
			quorum: nothing more`,
	},
	{
		name: "what is requeued after its time is gone",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 50}})
				ch := c.open()
				ch.qos(1, false)
				k := ch.consume(kind, consume{tag: kind})
				c.publish(kind, "a", "b")
				k.take(1)
				c.holds(kind, 0)
				ch.nack(1, requeue)
				k.none()
			}
		},
		want: `
			classic: a
			classic holds 0
			classic: nothing more
			quorum: a
			quorum holds 0
			quorum: nothing more`,
	},
	{
		name: "the shorter of queue's and message's time counts",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 100}})
				c.send("", c.at(kind), "long", amqp.Publishing{Expiration: "60000"})
				c.holds(kind, 0)
				c.send("", c.at(kind), "short", amqp.Publishing{Expiration: "20"})
				c.holds(kind, 0)
			}
		},
		want: `
			classic holds 0
			classic holds 0
			quorum holds 0
			quorum holds 0`,
	},
	{
		name: "a message's own time is looked at when the message is at the head",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				dead := "dead of " + kind
				c.classic(dead, nil)
				c.declare(kind, queue{args: c.deadTo(dead, table{"x-queue-type": kind})})
				c.send("", c.at(kind), "long", amqp.Publishing{Expiration: "60000"})
				c.send("", c.at(kind), "short", amqp.Publishing{Expiration: "20"})
				k := c.open().consume(dead, consume{tag: dead})
				k.none()
				c.holds(kind, 2)
				ch := c.open()
				ch.get(kind)
				k.take(1)
				ch.get(kind)
			}
		},
		want: `
			dead of classic: nothing more
			classic holds 2
			get: long
			dead of classic: short
			get: empty
			dead of quorum: nothing more
			quorum holds 2
			get: long
			dead of quorum: short
			get: empty`,
	},
	{
		name: "a message with a time of 0 reaches a consumer that waits, or expires",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 0}})
				c.publish(kind, "too early")
				c.holds(kind, 0)
				k := c.open().consume(kind, consume{tag: kind})
				c.publish(kind, "in time")
				k.take(1)
			}
		},
		want: `
			classic holds 0
			classic: in time
			quorum holds 0
			quorum: in time`,
	},
	{
		name: "a message's time of 0 does the same",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.send("", c.at(kind), "too early", amqp.Publishing{Expiration: "0"})
				c.holds(kind, 0)
				k := c.open().consume(kind, consume{tag: kind})
				c.send("", c.at(kind), "in time", amqp.Publishing{Expiration: "0"})
				for _, d := range k.take(1) {
					c.show(d)
				}
			}
		},
		want: `
			classic holds 0
			classic: in time
			  exchange="" key="classic"
			  expiration="0"
			quorum holds 0
			quorum: in time
			  exchange="" key="quorum"
			  expiration="0"`,
	},
	{
		name: "a message that is delivered in time keeps its expiration",
		do: func(c *client) {
			c.classic("q", nil)
			c.send("", c.at("q"), "a", amqp.Publishing{Expiration: "60000"})
			c.show(c.get("q"))
		},
		want: `
			get: a
			  exchange="" key="q"
			  expiration="60000"`,
	},
}
