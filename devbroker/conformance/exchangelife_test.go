package conformance_test

var exchangeLifeScenarios = []scenario{
	{
		name: "an exchange is deleted if it is unused, where that is asked for",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.classic("q", nil)
			c.bind("q", "x", "k", nil)
			c.attempt("used", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), true, false)) })
			c.fail("unbind", c.QueueUnbind(c.at("q"), "k", c.at("x"), nil))
			c.attempt("unused", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), true, false)) })
			c.attempt("passive", func(ch *channel) { ch.exchange("x", "direct", exchange{passive: true}) })
		},
		want: `
			used: channel closed, 406 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use
			unused: ok
			passive: channel closed, 404 NOT_FOUND - no exchange 'x' in vhost '/'`,
	},
	{
		name: "an exchange that is bound to another is unused as a destination",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.exchange("y", "direct", exchange{})
			c.bindExchange("y", "x", "k")
			c.attempt("source", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), true, false)) })
			c.attempt("destination", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("y"), true, false)) })
			c.attempt("source without it", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), true, false)) })
		},
		want: `
			source: channel closed, 406 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use
			destination: ok
			source without it: ok`,
	},
	{
		name: "deleting what is not there is no fault",
		do: func(c *client) {
			c.attempt("exchange", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), false, false)) })
			c.attempt("if unused", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete(c.at("x"), true, false)) })
		},
		want: `
			exchange: ok
			if unused: ok`,
	},
	{
		name: "an auto-delete exchange goes with its last binding, and not before its first",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{autoDelete: true})
			c.exchange("x", "direct", exchange{passive: true})
			c.classic("q", nil)
			c.bind("q", "x", "a", nil)
			c.bind("q", "x", "b", nil)
			c.fail("unbind", c.QueueUnbind(c.at("q"), "a", c.at("x"), nil))
			c.attempt("one binding left", func(ch *channel) { ch.exchange("x", "direct", exchange{passive: true}) })
			c.fail("unbind", c.QueueUnbind(c.at("q"), "b", c.at("x"), nil))
			c.attempt("none left", func(ch *channel) { ch.exchange("x", "direct", exchange{passive: true}) })
		},
		want: `
			one binding left: ok
			none left: channel closed, 404 NOT_FOUND - no exchange 'x' in vhost '/'`,
	},
	{
		name: "an auto-delete exchange goes with the last queue that was bound to it",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{autoDelete: true})
			c.classic("q", nil)
			c.bind("q", "x", "", nil)
			_, err := c.QueueDelete(c.at("q"), false, false, false)
			c.fail("delete", err)
			c.attempt("exchange", func(ch *channel) { ch.exchange("x", "fanout", exchange{passive: true}) })
		},
		want: "exchange: channel closed, 404 NOT_FOUND - no exchange 'x' in vhost '/'",
	},
	{
		name: "a chain of auto-delete exchanges goes as one",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{autoDelete: true})
			c.exchange("y", "fanout", exchange{autoDelete: true})
			c.classic("q", nil)
			c.bindExchange("y", "x", "")
			c.bind("q", "y", "", nil)
			_, err := c.QueueDelete(c.at("q"), false, false, false)
			c.fail("delete", err)
			c.attempt("x", func(ch *channel) { ch.exchange("x", "fanout", exchange{passive: true}) })
			c.attempt("y", func(ch *channel) { ch.exchange("y", "fanout", exchange{passive: true}) })
		},
		want: `
			x: channel closed, 404 NOT_FOUND - no exchange 'x' in vhost '/'
			y: channel closed, 404 NOT_FOUND - no exchange 'y' in vhost '/'`,
	},
}
