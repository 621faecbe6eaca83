package conformance_test

import (
	"strconv"
)

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
				c.notef("%s:", name)
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
		name: "many acks at once",
		do: func(c *client) {
			c.classic("q", nil)
			for i := range 20 {
				c.publish("q", strconv.Itoa(i))
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
