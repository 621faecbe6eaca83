package conformance_test

var xDeathScenarios = []scenario{
	{
		name: "the second death is told first, and the first stays known as such",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.classic("q", c.deadTo("dead1", nil))
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.buried("dead2")
		},
		want: `
			get: a
			dead2: a
			  exchange="" key="dead2"
			  x-death[0] {count=int64(1) exchange="" queue="dead1" reason="expired" routing-keys=["dead1"] time=now}
			  x-death[1] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "the last death is told beside the first, except by 3.10",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.exchange("x", "fanout", exchange{})
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.bind("dead1", "x", "", nil)
			c.classic("q", table{"x-dead-letter-exchange": c.at("x")})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.ready("dead2", 1)
			d, _, err := c.Get(c.at("dead2"), true)
			c.fail("get", err)
			delete(d.Headers, "x-death")
			c.headers(d.Headers)
		},
		want: `
			get: a
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			  x-last-death-exchange="x"
			  x-last-death-queue="dead1"
			  x-last-death-reason="expired"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"`,
			why: "x-last-death headers came with 3.13",
		}},
	},
	{
		name: "dying again in the same way at the same place is counted",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: c.deadTo(kind, table{"x-queue-type": kind})})
				c.publish(kind, "a")
				ch := c.open()
				for tag := range uint64(3) {
					c.ready(kind, 1)
					if _, _, err := ch.Get(c.at(kind), false); ch.fail("get", err) {
						return
					}
					ch.reject(tag+1, drop)
				}
				c.ready(kind, 1)
				d, _, err := c.Get(c.at(kind), true)
				c.fail("get", err)
				c.headers(table{"x-death": d.Headers["x-death"]})
			}
		},
		want: `
			  x-death[0] {count=int64(3) exchange="" queue="classic" reason="rejected" routing-keys=["classic"] time=now}
			  x-death[0] {count=int64(3) exchange="" queue="quorum" reason="rejected" routing-keys=["quorum"] time=now}`,
	},
	{
		name: "an x-death made up by the publisher",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.sendHeaders("q", "a", table{
				"x-death": []any{table{
					"queue": "elsewhere", "reason": "expired", "count": int64(5), "exchange": "x", "routing-keys": []any{"k"},
				}},
				"x-first-death-reason": "expired", "x-first-death-queue": "elsewhere", "x-first-death-exchange": "x",
			})
			c.show(c.get("q"))
			c.reject(1, drop)
			c.buried("dead")
		},
		want: `
			get: a
			  exchange="" key="q"
			  x-death[0] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
			  x-first-death-exchange="x"
			  x-first-death-queue="elsewhere"
			  x-first-death-reason="expired"
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				  exchange="" key="q"
				  x-death[0] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
				  x-first-death-exchange="x"
				  x-first-death-queue="elsewhere"
				  x-first-death-reason="expired"
				dead: a
				  exchange="" key="dead"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
				  x-death[1] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
				  x-first-death-exchange="x"
				  x-first-death-queue="elsewhere"
				  x-first-death-reason="expired"`,
			why: "3.10 believes the headers of a client",
		}},
	},
	{
		name: "an x-death handed on by a client that publishes the message again",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.ready("dead", 1)
			d, _, err := c.Get(c.at("dead"), true)
			c.fail("get", err)
			c.sendHeaders("q", "again", d.Headers)
			c.get("q")
			c.reject(3, drop)
			c.buried("dead")
		},
		want: `
			get: a
			get: again
			dead: again
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				get: again
				dead: again
				  exchange="" key="dead"
				  x-death[0] {count=int64(2) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"`,
			why: "3.10 believes the headers of a client, and counts on",
		}},
	},
	{
		name: "an x-death that is no list",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.sendHeaders("q", "a", table{"x-death": "mine"})
			c.get("q")
			c.reject(1, drop)
			c.buried("dead")
		},
		want: `
			get: a
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				dead: a
				  exchange="" key="dead"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}`,
			why: "3.10 adds x-first-death only where there is no x-death",
		}},
	},
	{
		name: "counts go on where a dead letter goes, from a quorum queue to another",
		do: func(c *client) {
			c.counting = true
			for _, from := range []string{"classic", "quorum"} {
				for _, to := range []string{"classic", "quorum"} {
					c.notef("from %s to %s:", from, to)
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
			why: "4.0 passes on the count of a quorum queue, 4.3 also the count of a classic one",
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
}
