package conformance_test

import "fmt"

var settleScenarios = []scenario{
	{
		name: "an ack up to a tag settles all before it",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c")
			ch := c.open()
			ch.consume("q", consume{}).take(3)
			ch.fail("ack", ch.Ack(2, true))
			ch.fail("close", ch.Close())
			c.holds("q", 1)
			c.get("q")
		},
		want: `
			got: a
			got: b
			got: c
			q holds 1
			get: c, redelivered`,
	},
	{
		name: "tag 0 with multiple is all there is, and no fault where there is none",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			ch.fail("ack", ch.Ack(0, true))
			ch.consume("q", consume{}).take(2)
			ch.fail("ack", ch.Ack(0, true))
			ch.fail("close", ch.Close())
			c.holds("q", 0)
		},
		want: `
			got: a
			got: b
			q holds 0`,
	},
	{
		name: "a tag that is not outstanding closes the channel",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c", "d")
			settle := map[string]func(ch *channel) error{
				"ack 1":               func(ch *channel) error { return ch.Ack(1, false) },
				"ack 0":               func(ch *channel) error { return ch.Ack(0, false) },
				"ack up to 5":         func(ch *channel) error { return ch.Ack(5, true) },
				"nack 3":              func(ch *channel) error { return ch.Nack(3, false, requeue) },
				"nack up to 4":        func(ch *channel) error { return ch.Nack(4, true, requeue) },
				"reject 2":            func(ch *channel) error { return ch.Reject(2, requeue) },
				"reject 0":            func(ch *channel) error { return ch.Reject(0, requeue) },
				"nack 18446744073709": func(ch *channel) error { return ch.Nack(18446744073709, false, drop) },
			}
			for _, name := range []string{"ack 1", "ack 0", "ack up to 5", "nack 3", "nack up to 4", "reject 2", "reject 0", "nack 18446744073709"} {
				ch := c.open()
				ch.fail(name, settle[name](ch))
				c.note("%s:", name)
				ch.ends()
			}
		},
		want: `
			ack 1:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 1
			ack 0:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 0
			ack up to 5:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 5
			nack 3:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 3
			nack up to 4:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 4
			reject 2:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 2
			reject 0:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 0
			nack 18446744073709:
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 18446744073709`,
	},
	{
		name: "a second ack closes the channel and requeues what else is unacknowledged",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			ch.consume("q", consume{}).take(2)
			ch.ack(1)
			ch.ack(1)
			ch.ends()
			c.holds("q", 1)
			c.get("q")
		},
		want: `
			got: a
			got: b
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 1
			q holds 1
			get: b, redelivered`,
	},
	{
		name: "an ack up to a settled tag closes the channel, whatever is left below",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c")
			ch := c.open()
			ch.consume("q", consume{}).take(3)
			ch.ack(2)
			ch.fail("ack", ch.Ack(2, true))
			ch.ends()
			c.holds("q", 2)
		},
		want: `
			got: a
			got: b
			got: c
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 2
			q holds 2`,
	},
	{
		name: "a tag is a channel's own",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.get("q")
			other := c.open()
			other.ack(1)
			other.ends()
			c.ack(1)
			c.sync()
		},
		want: `
			get: a
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 1`,
	},
	{
		name: "what came without need of an ack cannot be acknowledged",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.consume("q", consume{noAck: true}).take(1)
			c.ack(1)
			c.ends()
		},
		want: `
			got: a
			channel closed: 406 PRECONDITION_FAILED - unknown delivery tag 1`,
	},
	{
		name: "a nack drops or requeues one message or all up to it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c", "d")
				ch := c.open()
				for range 4 {
					ch.get(kind)
				}
				ch.fail("nack", ch.Nack(2, true, drop))
				ch.fail("nack", ch.Nack(4, true, requeue))
				c.holds(kind, 2)
				ch.get(kind)
				ch.get(kind)
			}
		},
		want: `
			get: a
			get: b
			get: c
			get: d
			classic holds 2
			get: c, redelivered
			get: d, redelivered
			get: a
			get: b
			get: c
			get: d
			quorum holds 2
			get: c, redelivered
			get: d, redelivered`,
	},
	{
		name: "tag 0 with multiple nacks all",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			c.get("q")
			c.get("q")
			c.fail("nack", c.Nack(0, true, requeue))
			c.holds("q", 2)
		},
		want: `
			get: a
			get: b
			q holds 2`,
	},
	{
		name: "a basic.get tells how many messages are left",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				for range 3 {
					c.note("%d left", c.get(kind).MessageCount)
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
			c.note("tag %d", c.get("q").DeliveryTag)
			d, _, err := c.Get(c.at("q"), true)
			c.fail("get", err)
			c.note("tag %d, without ack", d.DeliveryTag)
			for _, d := range c.consume("q", consume{}).take(2) {
				c.note("tag %d", d.DeliveryTag)
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
			r.publish(1, "q", "x")
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
				ch.fail("recover", ch.Recover(requeue))
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
			c.fail("recover", c.Recover(drop))
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
			r.publish(1, "q", "x")
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
	{
		name: "many acks at once",
		do: func(c *client) {
			c.classic("q", nil)
			for i := range 20 {
				c.publish("q", fmt.Sprint(i))
			}
			ch := c.open()
			k := ch.consume("q", consume{})
			for range 20 {
				<-k.deliveries
			}
			for tag := uint64(20); tag > 0; tag-- { // backwards is as good
				ch.ack(tag)
			}
			ch.fail("close", ch.Close())
			c.holds("q", 0)
		},
		want: "q holds 0",
	},
}
