package conformance_test

import (
	"maps"
)

// requeued publishes a to e to a queue of the given kind, receives all, requeues some, and
// notes the order in which the messages are delivered again.
func (c *client) requeued(kind string, args table, back func(ch *channel)) {
	c.t.Helper()
	all := table{"x-queue-type": kind}
	maps.Copy(all, args)
	c.declare(kind, queue{args: all})
	c.publish(kind, "a", "b", "c", "d", "e")
	ch := c.open()
	for range 4 { // e stays
		if _, _, err := ch.Get(c.at(kind), false); ch.fail("get", err) {
			return
		}
	}
	if back(ch); !ch.IsClosed() {
		ch.sync()
	}
	c.open().drain(kind)
}

var requeueScenarios = []scenario{
	{
		name: "what is nacked to a classic queue goes back to where it was",
		do: func(c *client) {
			c.requeued("classic", nil, func(ch *channel) {
				ch.nack(3, requeue)
				ch.nack(1, requeue)
			})
		},
		want: "classic: a, redelivered | c, redelivered | e",
	},
	{
		name: "what is nacked to a quorum queue goes back to its front or to its end",
		do: func(c *client) {
			c.requeued("quorum", nil, func(ch *channel) {
				ch.nack(3, requeue)
				ch.nack(1, requeue)
			})
		},
		want: "quorum: c, redelivered | a, redelivered | e",
		differ: []difference{{
			versions: "3.10",
			want:     "quorum: e | c, redelivered | a, redelivered",
			why:      "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "what is rejected to a quorum queue goes back as what is nacked",
		do: func(c *client) {
			c.requeued("quorum", nil, func(ch *channel) {
				ch.reject(3, requeue)
				ch.reject(1, requeue)
			})
		},
		want: "quorum: c, redelivered | a, redelivered | e",
		differ: []difference{{
			versions: "3.10",
			want:     "quorum: e | c, redelivered | a, redelivered",
			why:      "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "a delivery limit decides on the end of a quorum queue to which it goes back",
		do: func(c *client) {
			c.requeued("quorum", table{"x-delivery-limit": 5}, func(ch *channel) {
				ch.nack(3, requeue)
				ch.reject(1, requeue)
			})
		},
		want: "quorum: c, redelivered | a, redelivered | e",
	},
	{
		name: "no delivery limit on a quorum queue",
		do: func(c *client) {
			c.requeued("quorum", table{"x-delivery-limit": -1}, func(ch *channel) {
				ch.nack(3, requeue)
				ch.reject(1, requeue)
			})
		},
		want: "quorum: c, redelivered | a, redelivered | e",
		differ: []difference{{
			versions: "3.10",
			want:     "quorum: e",
			why:      "3.10 takes -1 for 0: what comes back is dropped",
		}, {
			versions: "4.0",
			want:     "quorum: e | c, redelivered | a, redelivered",
			why:      "4.0 puts what comes back at the end where there is no delivery limit",
		}},
	},
	{
		name: "several are nacked with one method",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.requeued(kind, nil, func(ch *channel) { ch.fail("nack", ch.Nack(3, true, requeue)) })
			}
		},
		want: `
			classic: a, redelivered | b, redelivered | c, redelivered | e
			quorum: a, redelivered | b, redelivered | c, redelivered | e`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic: a, redelivered | b, redelivered | c, redelivered | e
				quorum: e | a, redelivered | b, redelivered | c, redelivered`,
			why: "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "several are nacked with one method to a quorum queue with a limit",
		do: func(c *client) {
			c.requeued("quorum", table{"x-delivery-limit": 5}, func(ch *channel) { ch.fail("nack", ch.Nack(3, true, requeue)) })
		},
		want: "quorum: a, redelivered | b, redelivered | c, redelivered | e",
	},
	{
		name: "several are nacked one after the other",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.requeued(kind, nil, func(ch *channel) {
					for tag := range uint64(3) {
						ch.nack(tag+1, requeue)
					}
				})
			}
		},
		want: `
			classic: a, redelivered | b, redelivered | c, redelivered | e
			quorum: a, redelivered | b, redelivered | c, redelivered | e`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic: a, redelivered | b, redelivered | c, redelivered | e
				quorum: e | a, redelivered | b, redelivered | c, redelivered`,
			why: "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "a channel that is closed hands all back",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.requeued(kind, nil, func(ch *channel) {
					ch.ack(2)
					ch.fail("close", ch.Close())
				})
			}
		},
		want: `
			classic: a, redelivered | c, redelivered | d, redelivered | e
			quorum: a, redelivered | c, redelivered | d, redelivered | e`,
	},
	{
		name: "a channel that is closed hands all back to a quorum queue with a limit",
		do: func(c *client) {
			c.requeued("quorum", table{"x-delivery-limit": 5}, func(ch *channel) {
				ch.ack(2)
				ch.fail("close", ch.Close())
			})
		},
		want: "quorum: a, redelivered | c, redelivered | d, redelivered | e",
	},
	{
		name: "recover hands all back",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.requeued(kind, nil, func(ch *channel) { ch.recoverAll(requeue) })
			}
		},
		want: `
			classic: a, redelivered | b, redelivered | c, redelivered | d, redelivered | e
			quorum: a, redelivered | b, redelivered | c, redelivered | d, redelivered | e`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic: a, redelivered | b, redelivered | c, redelivered | d, redelivered | e
				quorum: e | a, redelivered | b, redelivered | c, redelivered | d, redelivered`,
			why: "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "a lost connection hands all back",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				d := c.dial()
				d.qos(2, false)
				d.consume(kind, consume{tag: kind}).take(2)
				d.close()
				k := c.consume(kind, consume{tag: kind + " again"})
				k.take(3)
			}
		},
		want: `
			classic: a
			classic: b
			classic again: a, redelivered
			classic again: b, redelivered
			classic again: c
			quorum: a
			quorum: b
			quorum again: a, redelivered
			quorum again: b, redelivered
			quorum again: c`,
	},
	{
		name: "what is requeued twice keeps its place in a classic queue",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			for tag := range uint64(3) {
				c.get("q")
				c.nack(tag+1, requeue)
				c.sync()
			}
			c.get("q")
			c.get("q")
		},
		want: `
			get: a
			get: a, redelivered
			get: a, redelivered
			get: a, redelivered
			get: b`,
	},
	{
		name: "what is requeued twice in a quorum queue goes round or comes again",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a", "b")
			for tag := range uint64(3) {
				c.get("q")
				c.reject(tag+1, requeue)
				c.sync()
			}
			c.get("q")
			c.get("q")
		},
		want: `
			get: a
			get: a, redelivered
			get: a, redelivered
			get: a, redelivered
			get: b`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				get: b
				get: a, redelivered
				get: b, redelivered
				get: a, redelivered`,
			why: "3.10 puts what comes back at the end, unless there is a delivery limit",
		}},
	},
	{
		name: "what was published in the meantime is behind what is requeued",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a")
				ch := c.open()
				ch.get(kind)
				c.publish(kind, "b")
				ch.nack(1, requeue)
				ch.sync()
				ch.get(kind)
				ch.get(kind)
			}
		},
		want: `
			get: a
			get: a, redelivered
			get: b
			get: a
			get: a, redelivered
			get: b`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				get: a, redelivered
				get: b
				get: a
				get: b
				get: a, redelivered`,
			why: "3.10 puts what comes back at the end of a quorum queue without delivery limit",
		}},
	},
}
