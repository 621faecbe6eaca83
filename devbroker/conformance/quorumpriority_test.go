package conformance_test

var quorumPriorityScenarios = []scenario{
	{
		name: "a quorum queue has no priorities, then two, then all",
		do: func(c *client) {
			c.quorum("quorum", nil)
			c.prioritised("quorum", 3, 1, 9, 4, 5, 3, 31, 200, 9)
			c.consume("quorum", consume{}).take(9)
		},
		want: `
			got: g of 31
			got: h of 200
			got: c of 9
			got: i of 9
			got: e of 5
			got: d of 4
			got: a of 3
			got: f of 3
			got: b of 1`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: a of 3
				got: b of 1
				got: c of 9
				got: d of 4
				got: e of 5
				got: f of 3
				got: g of 31
				got: h of 200
				got: i of 9`,
			why: "3.10 knows no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				got: c of 9
				got: e of 5
				got: a of 3
				got: g of 31
				got: h of 200
				got: b of 1
				got: i of 9
				got: d of 4
				got: f of 3`,
			why: "4.0 has two levels, high from 5 on, and delivers two of the high ones for one of the low",
		}},
	},
	{
		name: "a message without priority is one of priority 4 in a quorum queue of 4.3",
		do: func(c *client) {
			c.quorum("quorum", nil)
			c.publish("quorum", "none")
			r := c.rawOpen(0)
			r.send(1, "confirm.select", uint8(0))
			r.skip("confirm.select-ok")
			for _, p := range []byte{0, 3, 4, 5} {
				r.send(1, "basic.publish", uint16(0), "", r.at("quorum"), uint8(0))
				r.frame(headerFrame, 1, []byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x08, 0, p})
				r.frame(bodyFrame, 1, []byte{'0' + p})
				r.skip("basic.ack")
			}
			c.consume("quorum", consume{}).take(5)
		},
		want: `
			got: 5
			got: none
			got: 4
			got: 3
			got: 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: none
				got: 0
				got: 3
				got: 4
				got: 5`,
			why: "3.10 knows no priorities in quorum queues",
		}, {
			versions: "4.0",
			want: `
				got: 5
				got: none
				got: 0
				got: 3
				got: 4`,
			why: "4.0 has two levels, high from 5 on",
		}},
	},
	{
		name: "a requeued message of a quorum queue keeps its priority",
		do: func(c *client) {
			c.quorum("quorum", table{"x-delivery-limit": 5})
			c.prioritised("quorum", 0, 9, 9)
			c.get("quorum")
			c.reject(1, requeue)
			c.sync()
			for range 3 {
				c.get("quorum")
			}
		},
		want: `
			get: b of 9
			get: b of 9, redelivered
			get: c of 9
			get: a of 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a of 0
				get: a of 0, redelivered
				get: b of 9
				get: c of 9`,
			why: "3.10 knows no priorities in quorum queues",
		}},
	},
}
