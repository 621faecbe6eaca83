package conformance_test

// priorityOrderScenarios are of the order in which a quorum queue gives high and low
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
}
