package conformance_test

import (
	"fmt"
)

var deliveryLimitScenarios = []scenario{
	{
		name: "a message that comes back too often is gone, limit by limit",
		do: func(c *client) {
			c.counting = true
			for _, limit := range []int{0, 1, 2} {
				q := fmt.Sprint("limit ", limit)
				c.quorum(q, table{"x-delivery-limit": limit})
				c.publish(q, "a")
				ch := c.open()
				k := ch.consume(q, consume{tag: q})
				for tag := range uint64(limit + 1) {
					k.take(1)
					ch.reject(tag+1, requeue)
				}
				ch.sync()
				c.publish(q, "end")
				k.untilEnd()
			}
		},
		want: `
			limit 0: a
			limit 0: end
			limit 1: a
			limit 1: a, redelivered, count int64(1)
			limit 1: end
			limit 2: a
			limit 2: a, redelivered, count int64(1)
			limit 2: a, redelivered, count int64(2)
			limit 2: end`,
	},
	{
		name: "only what is rejected is against the limit on 4.3",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", table{"x-delivery-limit": 1})
			c.publish("q", "a")
			k := c.consume("q", consume{})
			k.take(1)
			c.nack(1, requeue)
			k.take(1)
			c.nack(2, requeue)
			c.sync()
			c.publish("q", "end")
			k.untilEnd()
		},
		want: `
			got: a
			got: a, redelivered
			got: a, redelivered
			got: end`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered, count int64(1)
				got: end`,
			why: "4.3 does not hold a nack against a message",
		}},
	},
	{
		name: "a limit of -1 is none, except for 3.10",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", table{"x-delivery-limit": -1})
			c.publish("q", "a")
			k := c.consume("q", consume{})
			k.take(1)
			c.reject(1, requeue)
			c.sync()
			c.publish("q", "end")
			k.untilEnd()
		},
		want: `
			got: a
			got: a, redelivered, count int64(1)
			got: end`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: a
				got: end`,
			why: "3.10 takes -1 for 0",
		}},
	},
	{
		name: "the limit where none is said is 20, except for 3.10",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a")
			ch := c.open()
			k := ch.consume("q", consume{})
			for tag := range uint64(21) {
				<-k.deliveries
				ch.reject(tag+1, requeue)
			}
			ch.sync()
			c.publish("q", "end")
			k.untilEnd()
		},
		want: "got: end",
		differ: []difference{{
			versions: "3.10",
			want: `
				got: a, redelivered
				got: end`,
			why: "the default limit came with 4.0",
		}},
	},
}
