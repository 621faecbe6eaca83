package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

var bindingScenarios = []scenario{
	{
		name: "exchanges bound to exchanges, in a ring too, deliver once",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			c.exchange("y", "topic", exchange{})
			c.classic("q1", nil)
			c.classic("q2", nil)
			c.bindExchange("y", "x", "a.#")
			c.bindExchange("x", "y", "a.#")
			c.bind("q1", "x", "a.b", nil)
			c.bind("q1", "y", "a.b", nil)
			c.bind("q2", "y", "a.*", nil)
			for _, key := range []string{"a.b", "a.c", "b.b"} {
				c.reaches("x", key, amqp.Publishing{}, "q1", "q2")
			}
			c.fail("unbind", c.ExchangeUnbind(c.at("y"), "a.#", c.at("x"), false, nil))
			c.reaches("x", "a.b", amqp.Publishing{}, "q1", "q2")
		},
		want: `
			a.b: q1 q2
			a.c: q2
			b.b: no queue
			a.b: q1`,
	},
	{
		name: "an exchange may be bound to itself",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{})
			c.classic("q", nil)
			c.bindExchange("x", "x", "")
			c.bind("q", "x", "", nil)
			c.reaches("x", "k", amqp.Publishing{}, "q")
		},
		want: "k: q",
	},
	{
		name: "what is missing cannot be bound",
		do: func(c *client) {
			c.classic("q", nil)
			c.exchange("x", "direct", exchange{})
			c.attempt("queue", func(ch *channel) { ch.bind("missing", "x", "k", nil) })
			c.attempt("exchange", func(ch *channel) { ch.bind("q", "missing", "k", nil) })
			c.attempt("both", func(ch *channel) { ch.bind("missing", "lost", "k", nil) })
			c.attempt("source", func(ch *channel) { ch.bindExchange("x", "missing", "k") })
			c.attempt("destination", func(ch *channel) { ch.bindExchange("missing", "x", "k") })
			c.attempt("both exchanges", func(ch *channel) { ch.bindExchange("missing", "lost", "k") })
		},
		want: `
			queue: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'
			exchange: channel closed, 404 NOT_FOUND - no exchange 'missing' in vhost '/'
			both: channel closed, 404 NOT_FOUND - no exchange 'lost' in vhost '/'
			source: channel closed, 404 NOT_FOUND - no exchange 'missing' in vhost '/'
			destination: channel closed, 404 NOT_FOUND - no exchange 'missing' in vhost '/'
			both exchanges: channel closed, 404 NOT_FOUND - no exchange 'lost' in vhost '/'`,
	},
	{
		name: "what is not bound can be unbound, and so can what is missing",
		do: func(c *client) {
			c.classic("q", nil)
			c.exchange("x", "direct", exchange{})
			c.attempt("no such key", func(ch *channel) { ch.fail("", ch.QueueUnbind(c.at("q"), "k", c.at("x"), nil)) })
			c.attempt("no queue", func(ch *channel) { ch.fail("", ch.QueueUnbind(c.at("missing"), "k", c.at("x"), nil)) })
			c.attempt("no exchange", func(ch *channel) { ch.fail("", ch.QueueUnbind(c.at("q"), "k", c.at("missing"), nil)) })
			c.attempt("no destination", func(ch *channel) { ch.fail("", ch.ExchangeUnbind(c.at("missing"), "k", c.at("x"), false, nil)) })
			c.attempt("no source", func(ch *channel) { ch.fail("", ch.ExchangeUnbind(c.at("x"), "k", c.at("missing"), false, nil)) })
		},
		want: `
			no such key: ok
			no queue: ok
			no exchange: ok
			no destination: ok
			no source: ok`,
	},
	{
		name: "a queue bound without its name is the one that the channel declared last",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.attempt("before any", func(ch *channel) { ch.bind("", "x", "k", nil) })
			c.attempt("bind", func(ch *channel) {
				ch.classic("q", nil)
				ch.bind("", "x", "k", nil)
			})
			c.reaches("x", "k", amqp.Publishing{}, "q")
			c.attempt("bind with an empty key", func(ch *channel) {
				ch.classic("q", nil)
				ch.bind("", "x", "", nil)
			})
			c.reaches("x", c.at("q"), amqp.Publishing{}, "q")
			c.reaches("x", "", amqp.Publishing{}, "q")
		},
		want: `
			before any: channel closed, 404 NOT_FOUND - no previously declared queue
			bind: ok
			k: q
			bind with an empty key: ok
			q: q
			: no queue`,
	},
	{
		name: "bindings with other arguments are bindings of their own",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.classic("q", nil)
			c.bind("q", "x", "k", nil)
			c.bind("q", "x", "k", table{"a": "1"})
			c.fail("unbind", c.QueueUnbind(c.at("q"), "k", c.at("x"), nil))
			c.reaches("x", "k", amqp.Publishing{}, "q")
			c.fail("unbind", c.QueueUnbind(c.at("q"), "k", c.at("x"), table{"a": "1"}))
			c.reaches("x", "k", amqp.Publishing{}, "q")
		},
		want: `
			k: q
			k: no queue`,
	},
	{
		name: "a message comes once to a queue, by however many bindings",
		do: func(c *client) {
			c.classic("q", nil)
			for _, kind := range []string{"direct", "fanout", "topic"} {
				c.exchange(kind, kind, exchange{})
				c.bind("q", kind, "k", nil)
				c.bind("q", kind, "k", nil)
				c.bind("q", kind, "k", table{"x-mine": "other"})
				c.bind("q", kind, "#", nil)
				c.bind("q", kind, "*", nil)
				c.reaches(kind, "k", amqp.Publishing{}, "q")
			}
		},
		want: `
			k: q
			k: q
			k: q`,
	},
}
