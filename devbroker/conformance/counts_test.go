package conformance_test

var countScenarios = []scenario{
	{
		name: "a classic queue tells only that a message was delivered before",
		do: func(c *client) {
			c.counting = true
			c.classic("q", nil)
			c.publish("q", "a")
			for tag := range uint64(3) {
				c.get("q")
				c.nack(tag+1, requeue)
				c.sync()
			}
		},
		want: `
			get: a
			get: a, redelivered
			get: a, redelivered`,
	},
	{
		name: "a quorum queue counts what is nacked",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			k := c.consume("q", consume{})
			for tag := range uint64(3) {
				k.take(1)
				c.nack(tag+1, requeue)
			}
			k.take(1)
		},
		want: `
			got: a
			got: a, redelivered
			got: a, redelivered
			got: a, redelivered`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered, count int64(1)
				got: a, redelivered, count int64(2)
				got: a, redelivered, count int64(3)`,
			why: "4.3 does not hold a nack against a message",
		}},
	},
	{
		name: "a quorum queue counts what is rejected",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			k := c.consume("q", consume{})
			for tag := range uint64(3) {
				k.take(1)
				c.reject(tag+1, requeue)
			}
			k.take(1)
		},
		want: `
			got: a
			got: a, redelivered, count int64(1)
			got: a, redelivered, count int64(2)
			got: a, redelivered, count int64(3)`,
	},
	{
		name: "a quorum queue's first count is told to basic.get alone, by 3.10",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a", "b")
			c.headers(c.get("q").Headers)
			for _, d := range c.consume("q", consume{}).take(1) {
				c.headers(d.Headers)
			}
		},
		want: `
			get: a
			got: b`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				  x-delivery-count=int64(0)
				got: b`,
			why: "later brokers leave out a count of 0",
		}},
	},
	{
		name: "basic.get shows the counts of a quorum queue too",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			c.get("q")
			c.reject(1, requeue)
			c.sync()
			c.get("q")
		},
		want: `
			get: a
			get: a, redelivered, count int64(1)`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a, count int64(0)
				get: a, redelivered, count int64(1)`,
			why: "3.10 tells basic.get of a count of 0 too",
		}},
	},
	{
		name: "a quorum queue counts what comes back from a closed channel",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			for range 3 {
				ch := c.open()
				ch.consume("q", consume{}).take(1)
				ch.fail("close", ch.Close())
			}
			c.consume("q", consume{}).take(1)
		},
		want: `
			got: a
			got: a, redelivered, count int64(1)
			got: a, redelivered, count int64(2)
			got: a, redelivered, count int64(3)`,
	},
	{
		name: "a quorum queue counts what comes back from a lost connection",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			d := c.dial()
			d.consume("q", consume{}).take(1)
			d.close()
			c.consume("q", consume{}).take(1)
		},
		want: `
			got: a
			got: a, redelivered, count int64(1)`,
	},
	{
		name: "all ways to hand back count up together",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", nil)
			c.publish("q", "a")
			ch := c.open()
			k := ch.consume("q", consume{})
			k.take(1)
			ch.nack(1, requeue)
			k.take(1)
			ch.reject(2, requeue)
			k.take(1)
			ch.recoverAll(requeue)
			k.take(1)
			ch.fail("close", ch.Close())
			c.consume("q", consume{}).take(1)
		},
		want: `
			got: a
			got: a, redelivered
			got: a, redelivered, count int64(1)
			got: a, redelivered, count int64(1)
			got: a, redelivered, count int64(2)`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered, count int64(1)
				got: a, redelivered, count int64(2)
				got: a, redelivered, count int64(3)
				got: a, redelivered, count int64(4)`,
			why: "4.3 does not hold nack and recover against a message",
		}},
	},
	{
		name: "4.3 tells besides how often a message has come back in all",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a")
			k := c.consume("q", consume{})
			for _, d := range k.take(1) {
				c.headers(d.Headers)
			}
			c.nack(1, requeue)
			for _, d := range k.take(1) {
				c.headers(d.Headers)
			}
			c.reject(2, requeue)
			for _, d := range k.take(1) {
				c.headers(d.Headers)
			}
		},
		want: `
			got: a
			got: a, redelivered
			  x-acquired-count=int64(1)
			got: a, redelivered
			  x-acquired-count=int64(2)
			  x-delivery-count=int64(1)`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered
				  x-delivery-count=int64(1)
				got: a, redelivered
				  x-delivery-count=int64(2)`,
			why: "x-acquired-count came with 4.3, and with it the nack that does not count",
		}},
	},
	{
		name: "a published count is the publisher's, until the queue has one",
		do: func(c *client) {
			c.counting = true
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.sendHeaders(kind, "a", table{"x-delivery-count": int32(7)})
				ch := c.open()
				k := ch.consume(kind, consume{tag: kind})
				k.take(1)
				ch.reject(1, requeue)
				k.take(1)
			}
		},
		want: `
			classic: a, count int32(7)
			classic: a, redelivered, count int32(7)
			quorum: a, count int32(7)
			quorum: a, redelivered, count int64(1)`,
	},
}
