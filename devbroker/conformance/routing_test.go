package conformance_test

import (
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// reaches publishes to the exchange and notes which of the queues got the message, and
// how often.
func (c *client) reaches(exchange, key string, m amqp.Publishing, queues ...string) {
	c.t.Helper()
	c.send(exchange, key, "m", m)
	var reached []string
	for _, queue := range queues {
		for {
			_, ok, err := c.Get(c.at(queue), true)
			if c.fail("get "+queue, err) || !ok {
				break
			}
			reached = append(reached, queue)
		}
	}
	if len(reached) == 0 {
		reached = []string{"no queue"}
	}
	c.notef("%s: %s", key, strings.Join(reached, " "))
}

var routingScenarios = []scenario{
	{
		name: "a direct exchange wants the very key",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			for _, q := range []string{"q1", "q2"} {
				c.classic(q, nil)
				c.bind(q, "x", "both", nil)
				c.bind(q, "x", q, nil)
			}
			for _, key := range []string{"both", "q1", "q2", "BOTH", "both.more", ""} {
				c.reaches("x", key, amqp.Publishing{}, "q1", "q2")
			}
		},
		want: `
			both: q1 q2
			q1: q1
			q2: q2
			BOTH: no queue
			both.more: no queue
			: no queue`,
	},
	{
		name: "a fanout exchange wants no key",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{})
			c.classic("q1", nil)
			c.classic("q2", nil)
			c.bind("q1", "x", "ignored", nil)
			c.bind("q2", "x", "", nil)
			c.reaches("x", "any", amqp.Publishing{}, "q1", "q2")
		},
		want: "any: q1 q2",
	},
	{
		name: "the default exchange takes the name of a queue for a key",
		do: func(c *client) {
			c.classic("q", nil)
			c.reaches("", c.at("q"), amqp.Publishing{}, "q")
			c.reaches("", "nowhere", amqp.Publishing{}, "q")
		},
		want: `
			q: q
			nowhere: no queue`,
	},
	{
		name: "in a topic binding * is a word, # any number of words, and words may be empty",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			patterns := []string{
				"#", "*", "a", "a.*", "a.#", "*.b", "#.b", "a.*.c", "a.#.c", "#.b.#", "*.#.*", "a..b", "a.", "**", "a#", "*.#.c.*",
			}
			for _, pattern := range patterns {
				c.classic(pattern, nil)
				c.bind(pattern, "x", pattern, nil)
			}
			for _, key := range []string{
				"", "a", "b", "a.b", "a.c", "a.b.c", "a.b.b.c", "b.a", "a.b.c.d", "a.", ".b", "a..b", ".", "..", "*", "#", "a.#", "**", "a#", "a.c.c",
			} {
				c.send("x", key, fmt.Sprintf("%q", key), amqp.Publishing{})
			}
			for _, pattern := range patterns {
				c.drain(pattern)
			}
		},
		want: `
			#: "" | "a" | "b" | "a.b" | "a.c" | "a.b.c" | "a.b.b.c" | "b.a" | "a.b.c.d" | "a." | ".b" | "a..b" | "." | ".." | "*" | "#" | "a.#" | "**" | "a#" | "a.c.c"
			*: "a" | "b" | "*" | "#" | "**" | "a#"
			a: "a"
			a.*: "a.b" | "a.c" | "a." | "a.#"
			a.#: "a" | "a.b" | "a.c" | "a.b.c" | "a.b.b.c" | "a.b.c.d" | "a." | "a..b" | "a.#" | "a.c.c"
			*.b: "a.b" | ".b"
			#.b: "b" | "a.b" | ".b" | "a..b"
			a.*.c: "a.b.c" | "a.c.c"
			a.#.c: "a.c" | "a.b.c" | "a.b.b.c" | "a.c.c"
			#.b.#: "b" | "a.b" | "a.b.c" | "a.b.b.c" | "b.a" | "a.b.c.d" | ".b" | "a..b"
			*.#.*: "a.b" | "a.c" | "a.b.c" | "a.b.b.c" | "b.a" | "a.b.c.d" | "a." | ".b" | "a..b" | "." | ".." | "a.#" | "a.c.c"
			a..b: "a..b"
			a.: "a."
			**: "**"
			a#: "a#"
			*.#.c.*: "a.b.c.d" | "a.c.c"`,
	},
	{
		name: "a topic binding that is gone matches no more, its neighbours do",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			for _, q := range []string{"q1", "q2", "q3"} {
				c.classic(q, nil)
			}
			c.bind("q1", "x", "a.#.b", nil)
			c.bind("q2", "x", "a.#.b", nil)
			c.bind("q3", "x", "a.#", nil)
			c.reaches("x", "a.x.b", amqp.Publishing{}, "q1", "q2", "q3")
			c.fail("unbind", c.QueueUnbind(c.at("q1"), "a.#.b", c.at("x"), nil))
			c.reaches("x", "a.x.b", amqp.Publishing{}, "q1", "q2", "q3")
			_, err := c.QueueDelete(c.at("q2"), false, false, false)
			c.fail("delete", err)
			c.reaches("x", "a.x.b", amqp.Publishing{}, "q1", "q3")
		},
		want: `
			a.x.b: q1 q2 q3
			a.x.b: q2 q3
			a.x.b: q3`,
	},
	{
		name: "CC and BCC are further keys, and only CC is seen",
		do: func(c *client) {
			for _, q := range []string{"to", "cc1", "cc2", "bcc"} {
				c.classic(q, nil)
			}
			m := amqp.Publishing{Headers: table{"CC": []any{c.at("cc1"), c.at("cc2")}, "BCC": []any{c.at("bcc")}}}
			c.send("", c.at("to"), "m", m)
			for _, q := range []string{"to", "cc1", "cc2", "bcc"} {
				c.show(c.get(q))
			}
		},
		want: `
			get: m
			  exchange="" key="to"
			  CC=["cc1" "cc2"]
			get: m
			  exchange="" key="to"
			  CC=["cc1" "cc2"]
			get: m
			  exchange="" key="to"
			  CC=["cc1" "cc2"]
			get: m
			  exchange="" key="to"
			  CC=["cc1" "cc2"]`,
	},
	{
		name: "a queue named twice by key, CC and BCC gets the message once",
		do: func(c *client) {
			c.classic("q", nil)
			c.reaches("", c.at("q"), amqp.Publishing{Headers: table{"CC": []any{c.at("q"), c.at("q")}, "BCC": []any{c.at("q")}}}, "q")
		},
		want: "q: q",
	},
	{
		name: "CC and BCC are lists of strings",
		do: func(c *client) {
			c.classic("q", nil)
			for _, v := range []any{c.at("q"), int32(1), []any{int32(1)}, []any{}} {
				c.send("", "nowhere", value(v), amqp.Publishing{Headers: table{"CC": v}})
				c.send("", "nowhere", value(v), amqp.Publishing{Headers: table{"BCC": v}})
			}
			c.holds("q", 0)
		},
		want: `
			publish "q": channel closed, 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}
			publish "q": channel closed, 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",longstr}
			publish int32(1): channel closed, 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",signedint}
			publish int32(1): channel closed, 406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",signedint}
			q holds 0`,
	},
	{
		name: "CC counts in every type of exchange",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			c.classic("q1", nil)
			c.classic("q2", nil)
			c.bind("q1", "x", "a.*", nil)
			c.bind("q2", "x", "b.*", nil)
			c.reaches("x", "a.1", amqp.Publishing{Headers: table{"CC": []any{"b.1"}}}, "q1", "q2")
		},
		want: "a.1: q1 q2",
	},
}
