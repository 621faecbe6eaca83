package conformance_test

import (
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var overflowScenarios = []scenario{
	{
		name: "the oldest goes where there is no room",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length": 2}})
				c.publish(kind, "a", "b", "c")
				c.drain(kind)
			}
		},
		want: `
			classic: b | c
			quorum: b | c`,
	},
	{
		name: "only what is ready counts against the length",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length": 1}})
				c.publish(kind, "a")
				ch := c.open()
				ch.get(kind)
				c.publish(kind, "b")
				c.holds(kind, 1)
				ch.nack(1, requeue) // exceeds the limit by one message
				ch.sync()
				c.drain(kind)
			}
		},
		want: `
			get: a
			classic holds 1
			classic: b
			get: a
			quorum holds 1
			quorum: b`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				classic holds 1
				classic: b
				get: a
				quorum holds 1
				quorum: a, redelivered`,
			why: "3.10 puts what comes back at the end, and so b is the oldest",
		}},
	},
	{
		name: "the length in bytes counts the bodies only",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length-bytes": 10}})
				c.publish(kind, "12345", "67890")
				c.drain(kind)
				c.publish(kind, "12345", "67890", "x")
				c.drain(kind)
				c.publish(kind, "12345678901") // larger than the limit of bytes
				c.drain(kind)
			}
		},
		want: `
			classic: 12345 | 67890
			classic: 67890 | x
			classic: nothing
			quorum: 67890
			quorum: 67890 | x
			quorum: nothing`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic: 12345 | 67890
				classic: 67890 | x
				classic: nothing
				quorum: 12345 | 67890
				quorum: 67890 | x
				quorum: nothing`,
			why: "4.3 adds the size of the properties",
		}},
	},
	{
		name: "headers do not count against the length in bytes, except in quorum queues of 4.3",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length-bytes": 1000}})
				for _, body := range []string{"a", "b", "c"} {
					c.sendHeaders(kind, body, table{"long": strings.Repeat("x", 400)})
				}
				c.drain(kind)
			}
		},
		want: `
			classic: a | b | c
			quorum: b | c`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic: a | b | c
				quorum: a | b | c`,
			why: "4.3 adds the size of the properties",
		}},
	},
	{
		name: "a length of 0 is for consumers that wait",
		do: func(c *client) {
			c.classic("q", table{"x-max-length": 0})
			c.publish("q", "a")
			c.holds("q", 0)
			k := c.consume("q", consume{})
			c.publish("q", "b")
			k.take(1)
		},
		want: `
			q holds 0
			got: b`,
	},
	{
		name: "reject-publish refuses the newest",
		do: func(c *client) {
			c.classic("q", table{"x-max-length": 2, "x-overflow": "reject-publish"})
			c.publish("q", "a", "b", "c", "d")
			c.drain("q")
		},
		want: `
			publish c: nacked
			publish d: nacked
			q: a | b`,
	},
	{
		name: "reject-publish of a quorum queue refuses late",
		do: func(c *client) {
			c.quorum("q", table{"x-max-length": 1, "x-overflow": "reject-publish"})
			c.publish("q", "a", "b", "c", "d")
			c.drain("q")
		},
		want: `
			publish c: nacked
			publish d: nacked
			q: a | b`,
	},
	{
		name: "a quorum queue that has refused takes messages again at four fifths of its limit",
		do: func(c *client) {
			c.quorum("q", table{"x-max-length": 5, "x-overflow": "reject-publish"})
			c.publish("q", "a", "b", "c", "d", "e", "f", "g")
			ch := c.open()
			for tag, body := range []string{"h", "i"} {
				ch.get("q")
				ch.ack(uint64(tag + 1))
				c.ready("q", 5-tag)
				<-time.After(nothing)
				c.publish("q", body)
			}
			c.open().drain("q")
		},
		want: `
			publish g: nacked
			get: a
			publish h: nacked
			get: b
			q: c | d | e | f | i`,
	},
	{
		name: "a quorum queue that has refused one channel takes messages of a new one below its limit",
		do: func(c *client) {
			c.quorum("q", table{"x-max-length": 5, "x-overflow": "reject-publish"})
			c.publish("q", "a", "b", "c", "d", "e", "f", "g")
			old := c.sender
			c.sender = nil
			c.publish("q", "h")
			c.get("q")
			c.ack(1)
			c.ready("q", 5)
			<-time.After(nothing)
			c.publish("q", "i")
			c.sender = nil
			c.publish("q", "j", "k")
			c.sender = old
			c.publish("q", "l")
			c.open().drain("q")
		},
		want: `
			publish g: nacked
			publish h: nacked
			get: a
			publish i: nacked
			publish k: nacked
			publish l: nacked
			q: b | c | d | e | f | j`,
	},
	{
		name: "a full classic queue refuses dead letters, and a full quorum queue takes them",
		do: func(c *client) {
			for _, kind := range kinds {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-max-length": 1, "x-overflow": "reject-publish"}})
				c.publish(kind, "a", "b", "c")
				c.classic("from "+kind, c.deadTo(kind, nil))
				c.publish("from "+kind, "d")
				c.get("from " + kind)
				c.fail("reject", c.Nack(0, true, drop))
				c.sync()
				<-time.After(nothing)
				c.open().drain(kind)
			}
		},
		want: `
			publish b: nacked
			publish c: nacked
			get: d
			classic: a
			publish c: nacked
			get: d
			quorum: a | b | d`,
	},
	{
		name: "reject-publish makes no dead letters, reject-publish-dlx does",
		do: func(c *client) {
			for _, overflow := range []string{"reject-publish", "reject-publish-dlx"} {
				c.classic("dead", nil)
				c.classic(overflow, c.deadTo("dead", table{"x-max-length": 1, "x-overflow": overflow}))
				c.publish(overflow, "a", "b")
				if overflow == "reject-publish-dlx" {
					c.buried("dead")
				}
				c.holds("dead", 0)
				c.get(overflow)
			}
		},
		want: `
			publish b: nacked
			dead holds 0
			get: a
			publish b: nacked
			dead: b
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="reject-publish-dlx" reason="maxlen" routing-keys=["reject-publish-dlx"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="reject-publish-dlx"
			  x-first-death-reason="maxlen"
			dead holds 0
			get: a`,
	},
	{
		name: "reject-publish-dlx of a quorum queue",
		do: func(c *client) {
			c.classic("dead", nil)
			c.quorum("q", c.deadTo("dead", table{"x-max-length": 1, "x-overflow": "reject-publish-dlx"}))
			c.publish("q", "a", "b")
			c.buried("dead")
			c.get("q")
		},
		want: `
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="maxlen" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="maxlen"
			get: b`,
	},
	{
		name: "one queue of two that refuses is enough for a nack",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{})
			c.classic("full", table{"x-max-length": 1, "x-overflow": "reject-publish"})
			c.classic("free", nil)
			c.bind("full", "x", "", nil)
			c.bind("free", "x", "", nil)
			c.send("x", "", "a", amqp.Publishing{})
			c.send("x", "", "b", amqp.Publishing{})
			c.holds("full", 1)
			c.holds("free", 2)
		},
		want: `
			publish b: nacked
			full holds 1
			free holds 2`,
	},
	{
		name: "a refused mandatory message is not returned",
		do: func(c *client) {
			c.classic("q", table{"x-max-length": 1, "x-overflow": "reject-publish"})
			r := c.rawOpen(0)
			r.send(1, "confirm.select", uint8(0))
			r.see(1)
			r.publishRaw("q", mandatory, "a")
			r.see(1)
			r.publishRaw("q", mandatory, "b")
			r.see(1)
		},
		want: `
			channel 1: confirm.select-ok
			channel 1: basic.ack tag 1, multiple=0
			channel 1: basic.nack tag 2, flags=3`,
	},
	{
		name: "a message that expires drops the one before it",
		do: func(c *client) {
			for _, ttl := range []string{"20", "0"} {
				c.quorum("q", table{"x-max-length": 1})
				c.publish("q", "a")
				ch := c.open()
				ch.get("q")
				ch.nack(1, requeue)
				c.ready("q", 1)
				c.send("", c.at("q"), "b", amqp.Publishing{Expiration: ttl})
				c.holds("q", 0)
				c.delete("q", false, false)
			}
		},
		want: `
			get: a
			q holds 0
			delete q: 0 messages
			get: a
			q holds 0
			delete q: 0 messages`,
	},
}
