package conformance_test

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// standard are the exchanges that every virtual host has.
var standard = []struct{ name, kind string }{
	{"amq.direct", "direct"},
	{"amq.fanout", "fanout"},
	{"amq.topic", "topic"},
	{"amq.headers", "headers"},
	{"amq.match", "headers"},
	{"amq.rabbitmq.trace", "topic"},
}

var exchangeScenarios = []scenario{
	{
		name: "the standard exchanges are there, durable and of their types",
		do: func(c *client) {
			for _, s := range standard {
				c.attempt(s.name, func(ch *channel) { ch.exchange(s.name, s.kind, exchange{}) })
				c.attempt(s.name+" internal", func(ch *channel) { ch.exchange(s.name, s.kind, exchange{internal: true}) })
			}
		},
		want: `
			amq.direct: ok
			amq.direct internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.direct' in vhost '/': received 'true' but current is 'false'
			amq.fanout: ok
			amq.fanout internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.fanout' in vhost '/': received 'true' but current is 'false'
			amq.topic: ok
			amq.topic internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.topic' in vhost '/': received 'true' but current is 'false'
			amq.headers: ok
			amq.headers internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.headers' in vhost '/': received 'true' but current is 'false'
			amq.match: ok
			amq.match internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.match' in vhost '/': received 'true' but current is 'false'
			amq.rabbitmq.trace: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'amq.rabbitmq.trace' in vhost '/': received 'false' but current is 'true'
			amq.rabbitmq.trace internal: ok`,
	},
	{
		name: "an exchange may be declared again only as it is",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{args: table{"alternate-exchange": "other"}})
			same := table{"alternate-exchange": "other"}
			c.attempt("same", func(ch *channel) { ch.exchange("x", "direct", exchange{args: same}) })
			c.attempt("type", func(ch *channel) { ch.exchange("x", "topic", exchange{args: same}) })
			c.attempt("durable", func(ch *channel) { ch.exchange("x", "direct", exchange{args: same, transient: true}) })
			c.attempt("auto-delete", func(ch *channel) { ch.exchange("x", "direct", exchange{args: same, autoDelete: true}) })
			c.attempt("internal", func(ch *channel) { ch.exchange("x", "direct", exchange{args: same, internal: true}) })
			c.attempt("no arguments", func(ch *channel) { ch.exchange("x", "direct", exchange{}) })
			c.attempt("another argument", func(ch *channel) {
				ch.exchange("x", "direct", exchange{args: table{"alternate-exchange": "another"}})
			})
			c.attempt("an unknown argument", func(ch *channel) {
				ch.exchange("x", "direct", exchange{args: table{"alternate-exchange": "other", "x-mine": "1"}})
			})
			c.attempt("an unknown type", func(ch *channel) { ch.exchange("x", "nonsense", exchange{args: same}) })
		},
		want: `
			same: ok
			type: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'
			durable: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'
			auto-delete: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'
			internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'
			no arguments: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received none but current is the value 'other' of type 'longstr'
			another argument: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received 'another' but current is 'other'
			an unknown argument: ok
			an unknown type: channel closed, 406 PRECONDITION_FAILED - unknown exchange type 'nonsense'`,
		differ: []difference{{
			versions: "3.10",
			want: `
				same: ok
				type: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'
				durable: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'
				auto-delete: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'
				internal: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'
				no arguments: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received none but current is the value 'other' of type 'longstr'
				another argument: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received 'another' but current is 'other'
				an unknown argument: ok
				an unknown type: connection closed, 503 COMMAND_INVALID - unknown exchange type 'nonsense'`,
			why: "an unknown type was a fault of the connection",
		}},
	},
	{
		name: "an exchange without alternate exchange gets none later",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.attempt("alternate", func(ch *channel) {
				ch.exchange("x", "direct", exchange{args: table{"alternate-exchange": "other"}})
			})
		},
		want: `
			alternate: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received the value 'other' of type 'longstr' but current is none`,
	},
	{
		name: "an argument of the wrong type is refused",
		do: func(c *client) {
			for _, v := range []any{int32(5), true, nil} {
				c.attempt(fmt.Sprint(v), func(ch *channel) {
					ch.exchange("x", "direct", exchange{args: table{"alternate-exchange": v}})
				})
			}
		},
		want: `
			5: channel closed, 406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'
			true: channel closed, 406 PRECONDITION_FAILED - invalid type 'bool' for arg 'alternate-exchange' in exchange 'x' in vhost '/'
			<nil>: channel closed, 406 PRECONDITION_FAILED - invalid type 'void' for arg 'alternate-exchange' in exchange 'x' in vhost '/'`,
	},
	{
		name: "an unknown type is refused",
		do: func(c *client) {
			for _, kind := range []string{"nonsense", "x-delayed-message"} {
				d := c.dial()
				d.exchange("x", kind, exchange{})
			}
			c.dial().exchange("x", "", exchange{})
		},
		want: `
			declare x: channel closed, 406 PRECONDITION_FAILED - unknown exchange type 'nonsense'
			declare x: channel closed, 406 PRECONDITION_FAILED - unknown exchange type 'x-delayed-message'
			declare x: channel closed, 406 PRECONDITION_FAILED - invalid exchange type ''`,
		differ: []difference{{
			versions: "3.10",
			want: `
				declare x: connection closed, 503 COMMAND_INVALID - unknown exchange type 'nonsense'
				declare x: connection closed, 503 COMMAND_INVALID - unknown exchange type 'x-delayed-message'
				declare x: connection closed, 503 COMMAND_INVALID - invalid exchange type ''`,
			why: "an unknown type was a fault of the connection",
		}},
	},
	{
		name: "an exchange may be of a type that is built in but rare",
		do: func(c *client) {
			for _, kind := range []string{"x-local-random", "x-consistent-hash"} {
				c.dial().attempt(kind, func(ch *channel) { ch.exchange("x-"+kind, kind, exchange{}) })
			}
		},
		want: `
			x-local-random: ok
			x-consistent-hash: channel closed, 406 PRECONDITION_FAILED - unknown exchange type 'x-consistent-hash'`,
		differ: []difference{{
			versions: "3.10",
			want: `
				x-local-random: connection closed, 503 COMMAND_INVALID - unknown exchange type 'x-local-random'
				x-consistent-hash: connection closed, 503 COMMAND_INVALID - unknown exchange type 'x-consistent-hash'`,
			why: "x-local-random came with 4.0",
		}},
	},
	{
		name: "exchange names that begin with amq. are reserved",
		do: func(c *client) {
			c.attempt("new", func(ch *channel) { ch.exchange("amq.mine", "direct", exchange{}) })
			c.attempt("passive", func(ch *channel) { ch.exchange("amq.mine", "direct", exchange{passive: true}) })
			c.attempt("existing, but other", func(ch *channel) { ch.exchange("amq.direct", "topic", exchange{}) })
			c.attempt("delete", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete("amq.direct", false, false)) })
			c.attempt("delete missing", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete("amq.mine", false, false)) })
		},
		want: `
			new: channel closed, 403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'
			passive: channel closed, 404 NOT_FOUND - no exchange 'amq.mine' in vhost '/'
			existing, but other: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'topic' but current is 'direct'
			delete: channel closed, 403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed
			delete missing: channel closed, 403 ACCESS_REFUSED - deletion of system exchange 'amq.mine' in vhost '/' not allowed`,
	},
	{
		name: "the default exchange is not to be declared, deleted or bound",
		do: func(c *client) {
			c.classic("q", nil)
			c.exchange("x", "direct", exchange{})
			c.attempt("declare", func(ch *channel) { ch.exchange("", "direct", exchange{}) })
			c.attempt("passive", func(ch *channel) { ch.exchange("", "direct", exchange{passive: true}) })
			c.attempt("delete", func(ch *channel) { ch.fail("delete", ch.ExchangeDelete("", false, false)) })
			c.attempt("bind", func(ch *channel) { ch.bind("q", "", "k", nil) })
			c.attempt("unbind", func(ch *channel) { ch.fail("unbind", ch.QueueUnbind(c.at("q"), c.at("q"), "", nil)) })
			c.attempt("bind as source", func(ch *channel) { ch.bindExchange("x", "", "k") })
			c.attempt("bind as destination", func(ch *channel) { ch.bindExchange("", "x", "k") })
		},
		want: `
			declare: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			passive: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			delete: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			bind: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			unbind: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			bind as source: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange
			bind as destination: channel closed, 403 ACCESS_REFUSED - operation not permitted on the default exchange`,
	},
	{
		name: "an exchange declared passively need only exist",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			c.attempt("as it is", func(ch *channel) { ch.exchange("x", "direct", exchange{passive: true}) })
			c.attempt("of another type", func(ch *channel) { ch.exchange("x", "topic", exchange{passive: true, transient: true}) })
			c.attempt("missing", func(ch *channel) { ch.exchange("missing", "direct", exchange{passive: true}) })
			c.attempt("missing and of an unknown type", func(ch *channel) { ch.exchange("missing", "nonsense", exchange{passive: true}) })
		},
		want: `
			as it is: ok
			of another type: ok
			missing: channel closed, 404 NOT_FOUND - no exchange 'missing' in vhost '/'
			missing and of an unknown type: channel closed, 404 NOT_FOUND - no exchange 'missing' in vhost '/'`,
	},
	{
		name: "what is published to a missing exchange closes the channel",
		do: func(c *client) {
			c.attempt("missing", func(ch *channel) {
				ch.fail("publish", ch.Publish(ch.at("x"), "k", false, false, amqp.Publishing{}))
				ch.ends()
			})
		},
		want: `
			channel closed: 404 NOT_FOUND - no exchange 'x' in vhost '/'
			missing: ok`,
	},
	{
		name: "only other exchanges publish to an internal exchange",
		do: func(c *client) {
			c.exchange("inner", "fanout", exchange{internal: true})
			c.exchange("outer", "fanout", exchange{})
			c.classic("q", nil)
			c.bindExchange("inner", "outer", "")
			c.bind("q", "inner", "", nil)
			c.send("outer", "k", "a", amqp.Publishing{})
			c.get("q")
			c.send("inner", "k", "b", amqp.Publishing{})
		},
		want: `
			get: a
			publish b: channel closed, 403 ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'`,
	},
	{
		name: "a name may have up to 127 letters, and some signs",
		do: func(c *client) {
			for _, name := range []string{"a.b:c-d_e", "with space", "ünicode", "sl/ash", "new\nline"} {
				c.attempt(fmt.Sprintf("%q", name), func(ch *channel) { ch.exchange(name, "direct", exchange{}) })
			}
		},
		want: `
			"a.b:c-d_e": ok
			"with space": ok
			"ünicode": ok
			"sl/ash": ok
			"new\nline": ok`,
	},
}
