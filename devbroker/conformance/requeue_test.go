package conformance_test

import "fmt"

// requeued publishes a to e to a queue of that kind, takes all, hands some back, and
// notes in which order all that is there is delivered again.
func (c *client) requeued(kind string, args table, back func(ch *channel)) {
	c.t.Helper()
	all := table{"x-queue-type": kind}
	for k, v := range args {
		all[k] = v
	}
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
				c.requeued(kind, nil, func(ch *channel) { ch.fail("recover", ch.Recover(requeue)) })
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
		name: "a quorum queue tells of its counts to basic.get too",
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
		name: "counts go on where a dead letter goes, from a quorum queue to another",
		do: func(c *client) {
			c.counting = true
			for _, from := range []string{"classic", "quorum"} {
				for _, to := range []string{"classic", "quorum"} {
					c.note("from %s to %s:", from, to)
					c.declare("to "+to, queue{args: table{"x-queue-type": to}})
					c.declare(from+to, queue{args: c.deadTo("to "+to, table{"x-queue-type": from})})
					c.publish(from+to, "m")
					ch := c.open()
					ch.consume(from+to, consume{tag: "first"}).take(1)
					ch.reject(1, drop)
					c.ready("to "+to, 1)
					ch.consume("to "+to, consume{tag: "second", noAck: true}).take(1)
					ch.fail("close", ch.Close())
				}
			}
		},
		want: `
			from classic to classic:
			first: m
			second: m, redelivered
			from classic to quorum:
			first: m
			second: m, redelivered, count int64(1)
			from quorum to classic:
			first: m
			second: m, redelivered
			from quorum to quorum:
			first: m
			second: m, redelivered, count int64(1)`,
		differ: []difference{{
			versions: "3.10",
			want: `
				from classic to classic:
				first: m
				second: m
				from classic to quorum:
				first: m
				second: m
				from quorum to classic:
				first: m
				second: m
				from quorum to quorum:
				first: m
				second: m`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				from classic to classic:
				first: m
				second: m
				from classic to quorum:
				first: m
				second: m
				from quorum to classic:
				first: m
				second: m
				from quorum to quorum:
				first: m
				second: m, redelivered, count int64(1)`,
			why: "4.0 hands on the count of a quorum queue, 4.3 that of a classic one too",
		}},
	},
	{
		name: "a dead letter that a classic queue hands on at once is as new",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			k := c.open().consume("dead", consume{tag: "dead"})
			c.publish("q", "m")
			c.get("q")
			c.reject(1, drop)
			k.take(1)
		},
		want: `
			get: m
			dead: m`,
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
			ch.fail("recover", ch.Recover(requeue))
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
				k.until("end")
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
			k.until("end")
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
			k.until("end")
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
			k.until("end")
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
