package conformance_test

var queueLifeScenarios = []scenario{
	{
		name: "an exclusive queue goes with its connection",
		do: func(c *client) {
			d := c.dial()
			d.declare("q", queue{exclusive: true})
			d.publish("q", "a")
			d.close()
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "an exclusive queue may be auto-delete too",
		do: func(c *client) {
			c.declare("q", queue{exclusive: true, autoDelete: true})
			k := c.open()
			k.consume("q", consume{tag: "k"})
			c.fail("cancel", k.Cancel("k", false))
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "an auto-delete queue goes with its last consumer, and not before its first",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			c.publish("q", "a")
			c.attempt("no consumer yet", func(ch *channel) { ch.declare("q", queue{passive: true}) })
			c.consume("q", consume{tag: "one"})
			c.consume("q", consume{tag: "two"})
			c.fail("cancel", c.Cancel("one", false))
			c.attempt("one left", func(ch *channel) { ch.declare("q", queue{passive: true}) })
			c.fail("cancel", c.Cancel("two", false))
			c.attempt("none left", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: `
			no consumer yet: ok
			one left: ok
			none left: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "an auto-delete queue goes when its consumer's channel does",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			ch := c.open()
			ch.consume("q", consume{})
			c.fail("close", ch.Close())
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "a basic.get does not make an auto-delete queue go",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			c.get("q")
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: `
			get: empty
			passive: ok`,
	},
	{
		name: "an unused queue is deleted after x-expires",
		do: func(c *client) {
			c.exchange("dlx", "fanout", exchange{})
			c.classic("dead", nil)
			c.bind("dead", "dlx", "", nil)
			c.classic("idle", table{"x-expires": 100, "x-dead-letter-exchange": c.at("dlx")})
			c.publish("idle", "a")
			c.gone("idle")
			c.holds("dead", 0) // its messages are not dead-lettered
		},
		want: `
			idle is gone: 404 NOT_FOUND - no queue 'idle' in vhost '/'
			dead holds 0`,
	},
	{
		name: "a queue with a consumer does not expire",
		do: func(c *client) {
			c.classic("q", table{"x-expires": 1000})
			k := c.consume("q", consume{tag: "k"})
			for range 8 {
				k.none()
			}
			c.publish("q", "a")
			k.take(1)
			c.fail("cancel", c.Cancel("k", false))
			c.gone("q")
		},
		want: `
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: a
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a passive declaration puts off the end of an unused queue",
		do: func(c *client) {
			c.classic("other", nil)
			clock := c.consume("other", consume{tag: "time passes"})
			c.classic("q", table{"x-expires": 1000})
			for range 8 {
				clock.none()
				c.declare("q", queue{passive: true})
			}
			c.gone("q")
		},
		want: `
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			time passes: nothing more
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a basic.get puts off the end of an unused queue",
		do: func(c *client) {
			c.classic("other", nil)
			clock := c.consume("other", consume{tag: "time passes"})
			c.classic("q", table{"x-expires": 1000})
			for range 8 {
				clock.none()
				c.get("q")
			}
			c.gone("q")
		},
		want: `
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			time passes: nothing more
			get: empty
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a queue is deleted if it is unused or empty, where that is asked for",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			c.attempt("if empty", func(ch *channel) { ch.delete("q", false, true) })
			c.consume("q", consume{tag: "k"}).take(2)
			c.attempt("if unused", func(ch *channel) { ch.delete("q", true, false) })
			c.fail("cancel", c.Cancel("k", false))
			c.attempt("if unused, without consumer", func(ch *channel) { ch.delete("q", true, false) })
		},
		want: `
			if empty: channel closed, 406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty
			k: a
			k: b
			if unused: channel closed, 406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use
			delete q: 0 messages
			if unused, without consumer: ok`,
	},
	{
		name: "a quorum queue cannot be deleted on such conditions",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a")
			c.attempt("if empty", func(ch *channel) { ch.delete("q", false, true) })
			c.attempt("if unused", func(ch *channel) { ch.delete("q", true, false) })
			c.attempt("in any case", func(ch *channel) { ch.delete("q", false, false) })
		},
		want: `
			if empty: connection closed, 540 NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with if-empty flag set are not supported by quorum queues
			if unused: no connection
			in any case: no connection`,
	},
	{
		name: "a deletion tells how many messages were ready",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c")
			c.get("q")
			c.delete("q", false, false)
		},
		want: `
			get: a
			delete q: 2 messages`,
	},
	{
		name: "deleting what is not there is no fault, purging it is",
		do: func(c *client) {
			c.attempt("delete", func(ch *channel) { ch.delete("missing", false, false) })
			c.attempt("delete if unused", func(ch *channel) { ch.delete("missing", true, true) })
			c.attempt("purge", func(ch *channel) {
				_, err := ch.QueuePurge(ch.at("missing"), false)
				ch.fail("", err)
			})
			c.attempt("get", func(ch *channel) { ch.get("missing") })
			c.attempt("consume", func(ch *channel) { ch.consume("missing", consume{}) })
		},
		want: `
			delete missing: 0 messages
			delete: ok
			delete missing: 0 messages
			delete if unused: ok
			purge: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'
			get: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'
			consume: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'`,
	},
	{
		name: "a deleted queue's name can be used for another",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.delete("q", false, false)
			c.quorum("q", nil)
			c.get("q")
			c.delete("q", false, false)
		},
		want: `
			delete q: 1 messages
			get: empty
			delete q: 0 messages`,
	},
}
