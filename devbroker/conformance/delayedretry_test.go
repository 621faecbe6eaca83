package conformance_test

import "time"

// delayedRetryScenarios test x-delayed-retry-*. They compare the order of messages, not times.
var delayedRetryScenarios = []scenario{
	{
		name: "a rejected message waits, and comes before those that were published later",
		do: func(c *client) {
			c.counting = true
			args := pauses("failed", 300, 300)
			args["x-delivery-limit"] = 5 // without one, 3.10 requeues to the end
			c.quorum("q", args)
			c.publish("q", "a", "b", "c")
			ch := c.open()
			ch.qos(1, false)
			k := ch.consume("q", consume{})
			k.take(1)
			ch.reject(1, requeue)
			k.take(1)
			c.holds("q", 2)
			ch.ack(2)
			k.take(1)
			ch.ack(3)
			k.take(1)
		},
		want: `
			got: a
			got: b
			q holds 2
			got: a, redelivered, count int64(1)
			got: c`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered, count int64(1)
				q holds 2
				got: b
				got: c`,
			why: "they ignore the arguments",
		}},
	},
	{
		name: "the pause grows with each reject, up to the longest",
		do: func(c *client) {
			c.quorum("grows", pauses("failed", 200, 2000))
			c.quorum("limited", pauses("failed", 200, 200))
			c.quorum("no longest", table{"x-delayed-retry-type": "failed", "x-delayed-retry-min": 200})
			for _, q := range []string{"grows", "limited", "no longest"} {
				c.publish(q, "a", "b")
				ch := c.open()
				k := ch.consume(q, consume{tag: q})
				k.take(2)
				ch.reject(1, requeue)
				k.take(1)
				ch.reject(3, requeue)
				ch.reject(2, requeue)
				k.take(2)
			}
		},
		want: `
			grows: a
			grows: b
			grows: a, redelivered
			grows: b, redelivered
			grows: a, redelivered
			limited: a
			limited: b
			limited: a, redelivered
			limited: a, redelivered
			limited: b, redelivered
			no longest: a
			no longest: b
			no longest: a, redelivered
			no longest: a, redelivered
			no longest: b, redelivered`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				grows: a
				grows: b
				grows: a, redelivered
				grows: a, redelivered
				grows: b, redelivered
				limited: a
				limited: b
				limited: a, redelivered
				limited: a, redelivered
				limited: b, redelivered
				no longest: a
				no longest: b
				no longest: a, redelivered
				no longest: a, redelivered
				no longest: b, redelivered`,
			why: "they ignore the arguments",
		}},
	},
	{
		name: "the type says whether rejects or nacks wait",
		do: func(c *client) {
			for _, kind := range []string{"all", "failed", "returned", "nonsense"} {
				c.quorum(kind, pauses(kind, 300, 300))
				c.publish(kind, "a", "b")
				ch := c.open()
				k := ch.consume(kind, consume{tag: kind})
				k.take(2)
				ch.reject(1, requeue)
				ch.nack(2, requeue)
				ch.sync()
				c.publish(kind, "end")
				k.untilEnd()
				k.drained(kind)
			}
		},
		want: `
			all: a
			all: b
			all: end
			all: later 2
			failed: a
			failed: b
			failed: b, redelivered
			failed: end
			failed: later 1
			returned: a
			returned: b
			returned: a, redelivered
			returned: end
			returned: later 1
			nonsense: a
			nonsense: b
			nonsense: a, redelivered
			nonsense: b, redelivered
			nonsense: end
			nonsense: later 0`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				all: a
				all: b
				all: a, redelivered
				all: b, redelivered
				all: end
				all: later 0
				failed: a
				failed: b
				failed: a, redelivered
				failed: b, redelivered
				failed: end
				failed: later 0
				returned: a
				returned: b
				returned: a, redelivered
				returned: b, redelivered
				returned: end
				returned: later 0
				nonsense: a
				nonsense: b
				nonsense: a, redelivered
				nonsense: b, redelivered
				nonsense: end
				nonsense: later 0`,
			why: "they ignore the arguments",
		}},
	},
	{
		name: "a lost channel counts as a failure, and its messages wait",
		do: func(c *client) {
			c.counting = true
			c.quorum("q", pauses("failed", 300, 300))
			c.publish("q", "a")
			ch := c.open()
			ch.consume("q", consume{}).take(1)
			ch.fail("close", ch.Close())
			c.publish("q", "b")
			c.consume("q", consume{}).take(2)
		},
		want: `
			got: a
			got: b
			got: a, redelivered, count int64(1)`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				got: a
				got: a, redelivered, count int64(1)
				got: b`,
			why: "they ignore the arguments",
		}},
	},
	{
		name: "a waiting message expires when its pause is over, and is purged before",
		do: func(c *client) {
			args := pauses("failed", 300, 300)
			args["x-message-ttl"] = 200
			c.quorum("expires", args)
			c.quorum("purged", pauses("failed", 300, 300))
			for _, q := range []string{"expires", "purged"} {
				ch := c.open()
				k := ch.consume(q, consume{tag: q})
				c.publish(q, "a")
				k.take(1)
				ch.reject(1, requeue)
				ch.sync()
				if q == "purged" {
					n, err := ch.QueuePurge(c.at(q), false)
					ch.fail("purge", err)
					c.notef("purged %d", n)
				}
				k.within(600 * time.Millisecond)
			}
		},
		want: `
			expires: a
			expires: nothing more
			purged: a
			purged 1
			purged: nothing more`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				expires: a
				expires: a, redelivered comes too
				purged: a
				purged 0
				purged: a, redelivered comes too`,
			why: "they ignore the arguments",
		}},
	},
	{
		name: "a message that exceeds the delivery limit does not wait",
		do: func(c *client) {
			args := pauses("failed", 100, 100)
			args["x-delivery-limit"] = 1
			c.quorum("q", args)
			c.publish("q", "a")
			ch := c.open()
			k := ch.consume("q", consume{})
			k.take(1)
			ch.reject(1, requeue)
			k.take(1)
			ch.reject(2, requeue)
			ch.sync()
			k.within(400 * time.Millisecond)
		},
		want: `
			got: a
			got: a, redelivered
			got: nothing more`,
	},
}

func pauses(kind string, shortest, longest int) table {
	return table{"x-delayed-retry-type": kind, "x-delayed-retry-min": shortest, "x-delayed-retry-max": longest}
}

// drained notes how many messages come until none has come for a while.
func (k *consumer) drained(what string) {
	k.t.Helper()
	n := 0
	for {
		select {
		case <-k.deliveries:
			n++
			continue
		case <-time.After(600 * time.Millisecond):
		}
		k.notef("%s: later %d", what, n)
		return
	}
}
