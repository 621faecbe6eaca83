package conformance_test

var getScenarios = []scenario{
	{
		name: "a basic.get tells how many messages are left",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				for range 3 {
					c.notef("%d left", c.get(kind).MessageCount)
				}
				c.get(kind)
			}
		},
		want: `
			get: a
			2 left
			get: b
			1 left
			get: c
			0 left
			get: empty
			get: a
			2 left
			get: b
			1 left
			get: c
			0 left
			get: empty`,
	},
	{
		name: "delivery tags count deliveries of the channel, whatever the way",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d")
			c.notef("tag %d", c.get("q").DeliveryTag)
			d, _, err := c.Get(c.at("q"), true)
			c.fail("get", err)
			c.notef("tag %d, without ack", d.DeliveryTag)
			for _, d := range c.consume("q", consume{}).take(2) {
				c.notef("tag %d", d.DeliveryTag)
			}
		},
		want: `
			get: a
			tag 1
			tag 2, without ack
			got: c
			got: d
			tag 3
			tag 4`,
	},
	{
		name: "an empty queue answers with nothing, and no tag is used up",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(0))
			r.see(1)
			r.publish("q", "x")
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(0))
			r.see(1)
		},
		want: `
			channel 1: basic.get-empty
			channel 1: basic.get-ok tag 1, redelivered=0, exchange "", key "q", 0 more`,
	},
	{
		name: "recover requeues all that is unacknowledged on the channel",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				ch := c.open()
				k := ch.consume(kind, consume{tag: "k"})
				k.take(3)
				ch.ack(2)
				ch.recoverAll(requeue)
				k.take(2)
				ch.fail("close", ch.Close())
			}
		},
		want: `
			k: a
			k: b
			k: c
			k: a, redelivered
			k: c, redelivered
			k: a
			k: b
			k: c
			k: a, redelivered
			k: c, redelivered`,
	},
	{
		name: "recover without requeue, once meant to redeliver to the same consumer",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.get("q")
			c.recoverAll(drop)
		},
		want: `
			get: a
			recover: connection closed, 540 NOT_IMPLEMENTED - requeue=false`,
	},
	{
		name: "recover in the old way is not answered",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.publish("q", "x")
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(0))
			r.see(3)
			r.send(1, "basic.recover-async", uint8(1))
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(0))
			r.see(1)
		},
		want: `
			channel 1: basic.get-ok tag 1, redelivered=0, exchange "", key "q", 0 more
			channel 1: header of 1 bytes
			channel 1: body "x"
			channel 1: basic.get-ok tag 2, redelivered=1, exchange "", key "q", 0 more`,
	},
}
