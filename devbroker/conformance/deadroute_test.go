package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

var deadRouteScenarios = []scenario{
	{
		name: "what expires in a ring is dropped when it would come round",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{})
			c.classic("seen", nil)
			c.classic("a", table{"x-message-ttl": 30, "x-dead-letter-exchange": c.at("x")})
			c.classic("b", c.deadTo("a", table{"x-message-ttl": 30}))
			c.bind("seen", "x", "", nil)
			c.bind("b", "x", "", nil)
			c.publish("a", "m")
			k := c.consume("seen", consume{tag: "left a"})
			k.take(1)
			k.none()
		},
		want: `
			left a: m
			left a: nothing more`,
	},
	{
		name: "what expires does not go back to its own queue",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.exchange("x "+kind, "fanout", exchange{})
				c.classic("seen "+kind, nil)
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 30, "x-dead-letter-exchange": c.at("x " + kind)}})
				c.bind("seen "+kind, "x "+kind, "", nil)
				c.bind(kind, "x "+kind, "", nil)
				c.publish(kind, "m")
				k := c.consume("seen "+kind, consume{tag: "left " + kind})
				k.take(1)
				k.none()
			}
		},
		want: `
			left classic: m
			left classic: nothing more
			left quorum: m
			left quorum: nothing more`,
	},
	{
		name: "a message rejected on its way round the ring goes on",
		do: func(c *client) {
			c.classic("wait", c.deadTo("work", table{"x-message-ttl": 30}))
			c.classic("work", c.deadTo("wait", nil))
			c.publish("work", "a")
			for tag := range uint64(3) {
				c.ready("work", 1)
				if _, _, err := c.Get(c.at("work"), false); c.fail("get", err) {
					return
				}
				c.reject(tag+1, drop)
			}
			c.buried("work")
		},
		want: `
			work: a
			  exchange="" key="work"
			  x-death[0] {count=int64(3) exchange="" queue="wait" reason="expired" routing-keys=["wait"] time=now}
			  x-death[1] {count=int64(3) exchange="" queue="work" reason="rejected" routing-keys=["work"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="work"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "dead letters to an exchange that is missing are gone, and confirmed before",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-dead-letter-exchange": c.at("missing")}})
				c.publish(kind, "a")
				ch := c.open()
				ch.get(kind)
				ch.reject(1, drop)
				ch.sync()
				c.holds(kind, 0)
			}
		},
		want: `
			get: a
			classic holds 0
			get: a
			quorum holds 0`,
	},
	{
		name: "dead letters without a key of their own go by key and CC",
		do: func(c *client) {
			c.exchange("dlx", "direct", exchange{})
			c.exchange("x", "fanout", exchange{})
			for _, q := range []string{"by key", "by cc"} {
				c.classic(q, nil)
				c.bind(q, "dlx", q, nil)
			}
			c.classic("q", table{"x-dead-letter-exchange": c.at("dlx")})
			c.bind("q", "x", "", nil)
			c.send("x", "by key", "a", amqp.Publishing{Headers: table{"CC": []any{"by cc"}}})
			c.get("q")
			c.reject(1, drop)
			c.buried("by key")
			c.buried("by cc")
		},
		want: `
			get: a
			by key: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="x" queue="q" reason="rejected" routing-keys=["by key" "by cc"] time=now}
			  x-first-death-exchange="x"
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			by cc: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="x" queue="q" reason="rejected" routing-keys=["by key" "by cc"] time=now}
			  x-first-death-exchange="x"
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "dead letters with a key of their own lose CC",
		do: func(c *client) {
			c.exchange("dlx", "direct", exchange{})
			for _, q := range []string{"by key", "by cc"} {
				c.classic(q, nil)
				c.bind(q, "dlx", q, nil)
			}
			c.classic("q", table{"x-dead-letter-exchange": c.at("dlx"), "x-dead-letter-routing-key": "by key"})
			c.send("", c.at("q"), "a", amqp.Publishing{Headers: table{"CC": []any{"by cc"}, "BCC": []any{"bcc"}}})
			c.get("q")
			c.reject(1, drop)
			c.buried("by key")
			c.holds("by cc", 0)
		},
		want: `
			get: a
			by key: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q" "by cc"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			by cc holds 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				by key: a
				  exchange="dlx" key="by key"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q" "by cc"] time=now}
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"
				by cc holds 0`,
			why: "3.10 takes CC out of the headers, later brokers ignore it when they route",
		}},
	},
	{
		name: "a purge and a deletion make no dead letters",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.publish("q", "a")
			_, err := c.QueuePurge(c.at("q"), false)
			c.fail("purge", err)
			c.publish("q", "b")
			c.delete("q", false, false)
			c.holds("dead", 0)
		},
		want: `
			delete q: 1 messages
			dead holds 0`,
	},
	{
		name: "at-least-once holds what it cannot bury",
		do: func(c *client) {
			c.quorum("q", table{
				"x-dead-letter-exchange": c.at("missing"), "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
			})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.sync()
			c.get("q")
			c.delete("q", false, false) // messages that wait to be dead-lettered are not counted
		},
		want: `
			get: a
			get: empty
			delete q: 0 messages`,
	},
	{
		name: "at-least-once buries what it can",
		do: func(c *client) {
			c.classic("dead", nil)
			c.quorum("q", c.deadTo("dead", table{
				"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-message-ttl": 50,
			}))
			c.publish("q", "a")
			c.buried("dead")
		},
		want: `
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="expired" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="expired"`,
	},
	{
		name: "at-least-once without reject-publish is at-most-once",
		do: func(c *client) {
			c.quorum("q", table{"x-dead-letter-exchange": c.at("missing"), "x-dead-letter-strategy": "at-least-once"})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.holds("q", 0)
		},
		want: `
			get: a
			q holds 0`,
	},
	{
		name: "a dead letter has the time to live of the queue that it comes to",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.classic("q", c.deadTo("dead1", table{"x-message-ttl": 50}))
			c.publish("q", "a")
			c.buried("dead2")
		},
		want: `
			dead2: a
			  exchange="" key="dead2"
			  x-death[0] {count=int64(1) exchange="" queue="dead1" reason="expired" routing-keys=["dead1"] time=now}
			  x-death[1] {count=int64(1) exchange="" queue="q" reason="expired" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="expired"`,
	},
}
