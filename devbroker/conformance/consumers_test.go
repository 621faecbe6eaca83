package conformance_test

var consumersScenarios = []scenario{
	{
		name: "messages go round among consumers",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				var all []*consumer
				for _, tag := range []string{"k1", "k2", "k3"} {
					all = append(all, c.consume(kind, consume{tag: kind + " " + tag}))
				}
				c.publish(kind, "a", "b", "c", "d", "e", "f")
				for _, k := range all {
					k.take(2)
				}
			}
		},
		want: `
			classic k1: a
			classic k1: d
			classic k2: b
			classic k2: e
			classic k3: c
			classic k3: f
			quorum k1: a
			quorum k1: d
			quorum k2: b
			quorum k2: e
			quorum k3: c
			quorum k3: f`,
	},
	{
		name: "consumers of a higher priority come first, as long as they have room",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.qos(1, false)
				low := c.consume(kind, consume{tag: kind + " low"})
				high := c.consume(kind, consume{tag: kind + " high", args: table{"x-priority": 10}})
				lowest := c.consume(kind, consume{tag: kind + " lowest", args: table{"x-priority": -10}})
				c.publish(kind, "a")
				high.take(1)
				c.publish(kind, "b")
				low.take(1)
				c.publish(kind, "c")
				lowest.take(1)
			}
		},
		want: `
			classic high: a
			classic low: b
			classic lowest: c
			quorum high: a
			quorum low: b
			quorum lowest: c`,
	},
	{
		name: "the priority of a consumer is a number",
		do: func(c *client) {
			c.classic("q", nil)
			c.quorum("quorum", nil)
			for _, v := range []any{1, -1, int64(1) << 40, "1", 1.5, true, nil} {
				c.attempt(value(v), func(ch *channel) { ch.consume("q", consume{args: table{"x-priority": v}}) })
				c.attempt("quorum "+value(v), func(ch *channel) { ch.consume("quorum", consume{args: table{"x-priority": v}}) })
			}
		},
		want: `
			int(1): ok
			quorum int(1): ok
			int(-1): ok
			quorum int(-1): ok
			int64(1099511627776): ok
			quorum int64(1099511627776): ok
			"1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got longstr"
			quorum "1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got longstr"
			float64(1.5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got double"
			quorum float64(1.5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got double"
			true: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got bool"
			quorum true: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got bool"
			<nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got void"
			quorum <nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got void"`,
	},
	{
		name: "a single active consumer gets all, and the next takes over from it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				first, second := c.open(), c.open()
				k1 := first.consume(kind, consume{tag: kind + " k1"})
				k2 := second.consume(kind, consume{tag: kind + " k2"})
				c.publish(kind, "a", "b")
				k1.take(2)
				k2.none()
				first.ack(1)
				first.fail("close", first.Close())
				k2.take(1)
				c.publish(kind, "c")
				k2.take(1)
			}
		},
		want: `
			classic k1: a
			classic k1: b
			classic k2: nothing more
			classic k2: b, redelivered
			classic k2: c
			quorum k1: a
			quorum k1: b
			quorum k2: nothing more
			quorum k2: b, redelivered
			quorum k2: c`,
	},
	{
		name: "a cancelled single active consumer hands over, what it holds stays with it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				first := c.open()
				k1 := first.consume(kind, consume{tag: kind + " k1"})
				k2 := c.open().consume(kind, consume{tag: kind + " k2"})
				c.publish(kind, "a")
				k1.take(1)
				first.fail("cancel", first.Cancel(k1.tag, false))
				c.publish(kind, "b")
				if kind == "quorum" {
					first.nack(1, requeue)
				}
				k2.take(1)
			}
		},
		want: `
			classic k1: a
			classic k2: b
			quorum k1: a
			quorum k2: b`,
	},
	{
		name: "a single active consumer excludes exclusive ones",
		do: func(c *client) {
			c.classic("q", table{"x-single-active-consumer": true})
			c.attempt("exclusive", func(ch *channel) { ch.consume("q", consume{exclusive: true}) })
			c.quorum("quorum", table{"x-single-active-consumer": true})
			c.attempt("exclusive, quorum", func(ch *channel) { ch.consume("quorum", consume{exclusive: true}) })
		},
		want: `
			exclusive: channel closed, 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
			exclusive, quorum: ok`,
	},
	{
		name: "a consumer of a higher priority takes over from the single active one of a quorum queue",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				low := c.consume(kind, consume{tag: kind + " low"})
				high := c.consume(kind, consume{tag: kind + " high", args: table{"x-priority": 10}})
				c.publish(kind, "a")
				nextOf(low, high)
			}
		},
		want: `
			classic low: a
			quorum high: a`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic low: a
				quorum low: a`,
			why: "priority counts among single active consumers of quorum queues from 4.0 on",
		}},
	},
	{
		name: "unacknowledged messages of a lost connection go to others",
		do: func(c *client) {
			c.classic("q", nil)
			d := c.dial()
			c.publish("q", "a", "b", "c")
			d.consume("q", consume{tag: "first"}).take(3)
			k := c.consume("q", consume{tag: "second"})
			d.close()
			k.take(3)
		},
		want: `
			first: a
			first: b
			first: c
			second: a, redelivered
			second: b, redelivered
			second: c, redelivered`,
	},
}
