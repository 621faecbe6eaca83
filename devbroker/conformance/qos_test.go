package conformance_test

import amqp "github.com/rabbitmq/amqp091-go"

var qosScenarios = []scenario{
	{
		name: "a prefetch count is for each consumer started after it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c", "d", "e")
				ch := c.open()
				ch.qos(2, false)
				k1 := ch.consume(kind, consume{tag: kind + " k1"})
				k1.take(2)
				k1.none()
				k2 := ch.consume(kind, consume{tag: kind + " k2"})
				k2.take(2)
				k2.none()
				ch.ack(1)
				k1.take(1)
			}
		},
		want: `
			classic k1: a
			classic k1: b
			classic k1: nothing more
			classic k2: c
			classic k2: d
			classic k2: nothing more
			classic k1: e
			quorum k1: a
			quorum k1: b
			quorum k1: nothing more
			quorum k2: c
			quorum k2: d
			quorum k2: nothing more
			quorum k1: e`,
	},
	{
		name: "without a prefetch count a consumer of a quorum queue gets 2000 messages",
		do: func(c *client) {
			c.declare("quorum", queue{args: table{"x-queue-type": "quorum"}})
			for range 2001 {
				c.fail("publish", c.PublishWithContext(c.t.Context(), "", c.at("quorum"), false, false, amqp.Publishing{}))
			}
			c.ready("quorum", 2001)
			c.consume("quorum", consume{})
			c.holds("quorum", 1)
		},
		want: `
			quorum holds 1`,
	},
	{
		name: "another count does not touch a consumer that is there",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d")
			c.qos(1, false)
			k1 := c.consume("q", consume{tag: "k1"})
			k1.take(1)
			c.qos(2, false)
			k1.none()
			k2 := c.consume("q", consume{tag: "k2"})
			k2.take(2)
			k2.none()
		},
		want: `
			k1: a
			k1: nothing more
			k2: b
			k2: c
			k2: nothing more`,
	},
	{
		name: "a global count is for all consumers of the channel together",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d")
			c.qos(3, true)
			k1 := c.consume("q", consume{tag: "k1"})
			k1.take(3)
			k1.none()
			k2 := c.consume("q", consume{tag: "k2"})
			k2.perhaps()
		},
		want: `
			k1: a
			k1: b
			k1: c
			k1: nothing more
			k2: d comes too`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				k1: a
				k1: b
				k1: c
				k1: nothing more
				k2: nothing more`,
			why: "4.3 takes a global count for the count of each consumer, since global ones are deprecated",
		}},
	},
	{
		name: "a consumer with a count of its own is free of the global one",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d", "e", "f")
			c.qos(2, true)
			c.qos(3, false)
			k1 := c.consume("q", consume{tag: "k1"})
			k1.take(3)
			k1.none()
			k2 := c.consume("q", consume{tag: "k2"})
			k2.take(3)
		},
		want: `
			k1: a
			k1: b
			k1: c
			k1: nothing more
			k2: d
			k2: e
			k2: f`,
	},
	{
		name: "a quorum queue has no global count",
		do: func(c *client) {
			c.quorum("q", nil)
			c.qos(1, true)
			c.publish("q", "a", "b")
			if k := c.consume("q", consume{}); !c.failed {
				k.take(1)
				k.none()
			}
		},
		want: `
			got: a
			got: nothing more`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				consume q: connection closed, 540 NOT_IMPLEMENTED - queue 'q' in vhost '/' does not support global qos`,
			why: "4.3 takes a global count for the count of each consumer, since global ones are deprecated",
		}},
	},
	{
		name: "a count of 0 is no limit",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c")
			c.qos(1, false)
			c.qos(0, false)
			c.consume("q", consume{}).take(3)
		},
		want: `
			got: a
			got: b
			got: c`,
	},
	{
		name: "a limit in bytes is not there",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.qos", uint32(1), uint16(0), uint8(0))
			r.see(1)
		},
		want: "connection.close 540 NOT_IMPLEMENTED - prefetch_size!=0 (1) (basic.qos)",
	},
	{
		name: "a count does not hold for consumers without acks, nor for basic.get",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d", "e")
			c.qos(1, false)
			c.get("q")
			c.get("q")
			c.consume("q", consume{noAck: true}).take(3)
		},
		want: `
			get: a
			get: b
			got: c
			got: d
			got: e`,
	},
	{
		name: "what was fetched does not count against a consumer",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			c.qos(1, false)
			c.get("q")
			c.consume("q", consume{}).take(1)
		},
		want: `
			get: a
			got: b`,
	},
	{
		name: "a nacked message comes again at once where there is room for one",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b")
				ch := c.open()
				ch.qos(1, false)
				k := ch.consume(kind, consume{tag: kind})
				k.take(1)
				ch.nack(1, requeue)
				k.take(1)
				ch.nack(2, requeue)
				k.take(1)
				ch.ack(3)
				k.take(1)
				k.none()
				ch.fail("close", ch.Close())
			}
		},
		want: `
			classic: a
			classic: a, redelivered
			classic: a, redelivered
			classic: b
			classic: nothing more
			quorum: a
			quorum: a, redelivered
			quorum: a, redelivered
			quorum: b
			quorum: nothing more`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic: a
				classic: a, redelivered
				classic: a, redelivered
				classic: b
				classic: nothing more
				quorum: a
				quorum: b
				quorum: a, redelivered
				quorum: b, redelivered
				quorum: nothing more`,
			why: "3.10 puts what comes back at the end of a quorum queue without delivery limit",
		}},
	},
	{
		name: "channel.flow is answered, and cannot stop deliveries",
		do: func(c *client) {
			c.fail("flow", c.Flow(true))
			c.fail("no flow", c.Flow(false))
		},
		want: "no flow: connection closed, 540 NOT_IMPLEMENTED - active=false",
	},
}
