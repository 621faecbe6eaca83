package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

var alternateScenarios = []scenario{
	{
		name: "the alternate exchange gets what no queue has got",
		do: func(c *client) {
			c.exchange("rest", "fanout", exchange{})
			c.exchange("x", "direct", exchange{args: table{"alternate-exchange": c.at("rest")}})
			c.classic("q", nil)
			c.classic("others", nil)
			c.bind("q", "x", "k", nil)
			c.bind("others", "rest", "", nil)
			c.reaches("x", "k", amqp.Publishing{}, "q", "others")
			c.reaches("x", "else", amqp.Publishing{}, "q", "others")
		},
		want: `
			k: q
			else: others`,
	},
	{
		name: "a missing alternate exchange is no fault",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{args: table{"alternate-exchange": c.at("missing")}})
			c.send("x", "k", "m", amqp.Publishing{})
			c.notef("confirmed")
		},
		want: "confirmed",
	},
	{
		name: "alternate exchanges may form a chain, and even a ring",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{args: table{"alternate-exchange": c.at("y")}})
			c.exchange("y", "direct", exchange{args: table{"alternate-exchange": c.at("z")}})
			c.exchange("z", "direct", exchange{args: table{"alternate-exchange": c.at("x")}})
			c.classic("q", nil)
			c.bind("q", "z", "k", nil)
			c.reaches("x", "k", amqp.Publishing{}, "q")
			c.reaches("x", "else", amqp.Publishing{}, "q")
		},
		want: `
			k: q
			else: no queue`,
	},
	{
		name: "a message that came by an alternate exchange keeps its first exchange's name",
		do: func(c *client) {
			c.exchange("rest", "fanout", exchange{})
			c.exchange("x", "direct", exchange{args: table{"alternate-exchange": c.at("rest")}})
			c.classic("q", nil)
			c.bind("q", "rest", "", nil)
			c.send("x", "k", "m", amqp.Publishing{})
			c.show(c.get("q"))
		},
		want: `
			get: m
			  exchange="x" key="k"`,
	},
}
