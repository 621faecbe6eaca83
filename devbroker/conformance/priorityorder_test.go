package conformance_test

import amqp "github.com/rabbitmq/amqp091-go"

// priorityOrderScenarios test the order in which a quorum queue delivers high and low
// priorities, by basic.get and to consumers.
var priorityOrderScenarios = []scenario{
	{
		name: "basic.get takes high and low priorities",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 1, 1, 1, 1, 9, 9, 9, 9, 9)
			for range 9 {
				c.get("q")
			}
		},
		want: `
			get: e of 9
			get: f of 9
			get: g of 9
			get: h of 9
			get: i of 9
			get: a of 1
			get: b of 1
			get: c of 1
			get: d of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 1
				get: b of 1
				get: c of 1
				get: d of 1
				get: e of 9
				get: f of 9
				get: g of 9
				get: h of 9
				get: i of 9`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: e of 9
				get: f of 9
				get: a of 1
				get: g of 9
				get: h of 9
				get: b of 1
				get: i of 9
				get: c of 1
				get: d of 1`,
			why: "4.0 gives one low priority for every two high ones",
		}},
	},
	{
		name: "a consumer with a prefetch of 1 gets high and low priorities",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 1, 1, 1, 1, 9, 9, 9, 9, 9)
			c.qos(1, false)
			k := c.consume("q", consume{})
			for tag := range uint64(9) {
				k.take(1)
				c.ack(tag + 1)
			}
		},
		want: `
			got: e of 9
			got: f of 9
			got: g of 9
			got: h of 9
			got: i of 9
			got: a of 1
			got: b of 1
			got: c of 1
			got: d of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: a of 1
				got: b of 1
				got: c of 1
				got: d of 1
				got: e of 9
				got: f of 9
				got: g of 9
				got: h of 9
				got: i of 9`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				got: e of 9
				got: f of 9
				got: a of 1
				got: g of 9
				got: h of 9
				got: b of 1
				got: i of 9
				got: c of 1
				got: d of 1`,
			why: "4.0 gives one low priority for every two high ones",
		}},
	},
	{
		name: "basic.get and a consumer take high and low priorities by turns",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 1, 1, 1, 1, 9, 9, 9, 9, 9)
			c.qos(1, false)
			for range 2 {
				c.get("q")
			}
			c.consume("q", consume{tag: "k"}).take(1)
			c.fail("cancel", c.Cancel("k", false))
			for range 2 {
				c.get("q")
			}
			c.nack(1, requeue)
			c.sync()
			for range 3 {
				c.get("q")
			}
		},
		want: `
			get: e of 9
			get: f of 9
			k: g of 9
			get: h of 9
			get: i of 9
			get: e of 9, redelivered
			get: a of 1
			get: b of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 1
				get: b of 1
				k: c of 1
				get: d of 1
				get: e of 9
				get: f of 9
				get: g of 9
				get: h of 9`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: e of 9
				get: f of 9
				k: a of 1
				get: g of 9
				get: h of 9
				get: e of 9, redelivered
				get: b of 1
				get: i of 9`,
			why: "4.0 gives one low priority for every two high ones",
		}},
	},
	{
		name: "high priorities that come later meet the turn where it was",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 9, 9, 1, 1)
			for range 3 {
				c.get("q")
			}
			c.prioritised("q", 9, 9, 9, 1)
			for range 5 {
				c.get("q")
			}
		},
		want: `
			get: a of 9
			get: b of 9
			get: c of 1
			get: a of 9
			get: b of 9
			get: c of 9
			get: d of 1
			get: d of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 9
				get: b of 9
				get: c of 1
				get: d of 1
				get: a of 9
				get: b of 9
				get: c of 9
				get: d of 1`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: a of 9
				get: b of 9
				get: c of 1
				get: a of 9
				get: b of 9
				get: d of 1
				get: c of 9
				get: d of 1`,
			why: "4.0 gives one low priority for every two high ones",
		}},
	},
	{
		name: "high priorities that are older than the low ones",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 9, 9, 9, 9, 1, 1)
			c.open().drain("q")
		},
		want: "q: a of 9 | b of 9 | c of 9 | d of 9 | e of 1 | f of 1",
	},
	{
		name: "low priorities that are taken alone before high ones come",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 1, 1, 1)
			c.get("q")
			c.prioritised("q", 9, 9, 9)
			c.open().drain("q")
		},
		want: `
			get: a of 1
			q: a of 9 | b of 9 | c of 9 | b of 1 | c of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 1
				q: b of 1 | c of 1 | a of 9 | b of 9 | c of 9`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: a of 1
				q: a of 9 | b of 1 | b of 9 | c of 9 | c of 1`,
			why: "every third message that 4.0 takes is a low one, if that is older, and each counts",
		}},
	},
	{
		name: "a low priority that expires before high ones come",
		do: func(c *client) {
			c.quorum("q", nil)
			c.send("", c.at("q"), "x", amqp.Publishing{Priority: 1, Expiration: "0"})
			c.ready("q", 0)
			c.prioritised("q", 1, 1, 9, 9, 9)
			c.open().drain("q")
		},
		want: "q: c of 9 | d of 9 | e of 9 | a of 1 | b of 1",
		differ: []difference{{
			versions: "3.10",
			want:     "q: a of 1 | b of 1 | c of 9 | d of 9 | e of 9",
			why:      "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want:     "q: c of 9 | a of 1 | d of 9 | e of 9 | b of 1",
			why:      "what has expired counts among the three",
		}},
	},
	{
		name: "a high priority that is dropped when the queue is full",
		do: func(c *client) {
			c.quorum("q", table{"x-max-length": 4})
			c.prioritised("q", 1, 1, 9, 9, 9)
			c.open().drain("q")
		},
		want: "q: d of 9 | e of 9 | a of 1 | b of 1",
		differ: []difference{{
			versions: "3.10",
			want:     "q: b of 1 | c of 9 | d of 9 | e of 9",
			why:      "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want:     "q: d of 9 | a of 1 | e of 9 | b of 1",
			why:      "what is dropped counts among the three",
		}},
	},
	{
		name: "a high priority that comes back before the others",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 1, 1, 9, 9, 9)
			c.get("q")
			c.reject(1, requeue)
			c.sync()
			c.open().drain("q")
		},
		want: `
			get: c of 9
			q: c of 9, redelivered | d of 9 | e of 9 | a of 1 | b of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 1
				q: b of 1 | c of 9 | d of 9 | e of 9 | a of 1, redelivered`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: c of 9
				q: c of 9, redelivered | d of 9 | a of 1 | e of 9 | b of 1`,
			why: "what comes back is first, and does not count among the three",
		}},
	},
	{
		name: "a queue that is purged begins anew with two high priorities",
		do: func(c *client) {
			c.quorum("q", nil)
			c.prioritised("q", 9, 9)
			c.get("q")
			_, err := c.QueuePurge(c.at("q"), false)
			c.fail("purge", err)
			c.prioritised("q", 1, 1, 9, 9, 9)
			c.open().drain("q")
		},
		want: `
			get: a of 9
			q: c of 9 | d of 9 | e of 9 | a of 1 | b of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 9
				q: a of 1 | b of 1 | c of 9 | d of 9 | e of 9`,
			why: "3.10 has no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				get: a of 9
				q: c of 9 | d of 9 | a of 1 | e of 9 | b of 1`,
			why: "4.0 counts from the purge on",
		}},
	},
	{
		name: "a high priority that comes back where there is no delivery limit",
		do: func(c *client) {
			c.quorum("q", table{"x-delivery-limit": -1})
			c.prioritised("q", 9)
			c.get("q")
			c.nack(1, requeue)
			c.ready("q", 1)
			c.prioritised("q", 1, 9)
			c.open().drain("q")
		},
		want: `
			get: a of 9
			q: a of 9, redelivered | b of 9 | a of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 9
				q: a of 1 | b of 9`,
			why: "3.10 takes -1 for 0: what comes back is dropped",
		}, {
			versions: "4.0",
			want: `
				get: a of 9
				q: b of 9 | a of 9, redelivered | a of 1`,
			why: "4.0 puts what comes back at the end where there is no delivery limit, as a message of low priority",
		}},
	},
}
