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
	c.note("%s: %s", key, strings.Join(reached, " "))
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
			c.note("confirmed")
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
	{
		name: "exchanges bound to exchanges, in a ring too, deliver once",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			c.exchange("y", "topic", exchange{})
			c.classic("q1", nil)
			c.classic("q2", nil)
			c.bindExchange("y", "x", "a.#", nil)
			c.bindExchange("x", "y", "a.#", nil)
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
			c.bindExchange("x", "x", "", nil)
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
			c.attempt("source", func(ch *channel) { ch.bindExchange("x", "missing", "k", nil) })
			c.attempt("destination", func(ch *channel) { ch.bindExchange("missing", "x", "k", nil) })
			c.attempt("both exchanges", func(ch *channel) { ch.bindExchange("missing", "lost", "k", nil) })
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
}
