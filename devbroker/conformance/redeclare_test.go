package conformance_test

import (
	"fmt"
)

var redeclareScenarios = []scenario{
	{
		name: "a queue may be declared again only as it is",
		do: func(c *client) {
			c.classic("q", nil)
			c.attempt("same", func(ch *channel) { ch.classic("q", nil) })
			c.attempt("transient", func(ch *channel) { ch.declare("q", queue{transient: true}) })
			c.attempt("auto-delete", func(ch *channel) { ch.declare("q", queue{autoDelete: true}) })
			c.attempt("exclusive", func(ch *channel) { ch.declare("q", queue{exclusive: true}) })
			c.attempt("quorum", func(ch *channel) { ch.quorum("q", nil) })
			c.attempt("classic by name", func(ch *channel) { ch.classic("q", table{"x-queue-type": "classic"}) })
			c.attempt("another argument", func(ch *channel) { ch.classic("q", table{"x-message-ttl": 1000}) })
			c.attempt("an unknown argument", func(ch *channel) { ch.classic("q", table{"x-mine": 1}) })
			c.attempt("all of it", func(ch *channel) {
				ch.declare("q", queue{transient: true, autoDelete: true, args: table{"x-expires": 1}})
			})
		},
		want: `
			same: ok
			transient: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'
			auto-delete: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'
			exclusive: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			quorum: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'
			classic by name: ok
			another argument: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '1000' of type 'signedint' but current is none
			an unknown argument: ok
			all of it: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'`,
		differ: []difference{{
			versions: "3.10",
			want: `
				same: ok
				transient: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'
				auto-delete: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'
				exclusive: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
				quorum: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none
				classic by name: ok
				another argument: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '1000' of type 'signedint' but current is none
				an unknown argument: ok
				all of it: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'`,
			why: "later brokers add the type to the arguments where none is given",
		}},
	},
	{
		name: "a quorum queue may be declared again only as it is",
		do: func(c *client) {
			c.quorum("q", table{"x-delivery-limit": 5})
			c.attempt("same", func(ch *channel) { ch.quorum("q", table{"x-delivery-limit": 5}) })
			c.attempt("limit", func(ch *channel) { ch.quorum("q", table{"x-delivery-limit": 6}) })
			c.attempt("no limit", func(ch *channel) { ch.quorum("q", nil) })
			c.attempt("classic", func(ch *channel) { ch.classic("q", table{"x-queue-type": "classic", "x-delivery-limit": 5}) })
			c.attempt("no type", func(ch *channel) { ch.classic("q", nil) })
		},
		want: `
			same: ok
			limit: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '6' but current is '5'
			no limit: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'
			classic: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'
			no type: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'`,
		differ: []difference{{
			versions: "3.10",
			want: `
				same: ok
				limit: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '6' but current is '5'
				no limit: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'
				classic: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'
				no type: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of type 'longstr'`,
			why: "later brokers add the type to the arguments where none is given",
		}},
	},
	{
		name: "a queue declared passively need only exist",
		do: func(c *client) {
			c.classic("q", table{"x-message-ttl": 1000})
			c.attempt("other properties", func(ch *channel) {
				ch.declare("q", queue{passive: true, transient: true, autoDelete: true, args: table{"x-expires": 1}})
			})
			c.attempt("missing", func(ch *channel) { ch.declare("missing", queue{passive: true}) })
		},
		want: `
			other properties: ok
			missing: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'`,
	},
	{
		name: "another value of an argument is told beside the one there is",
		do: func(c *client) {
			rows := []struct {
				name string
				a, b any
			}{
				{"x-message-ttl", 1000, 2000},
				{"x-message-ttl", 1000, nil},
				{"x-expires", 100000, 200000},
				{"x-max-length", 10, 20},
				{"x-max-length-bytes", 10, 20},
				{"x-overflow", "drop-head", "reject-publish"},
				{"x-max-priority", 5, 6},
				{"x-dead-letter-exchange", "a", "b"},
				{"x-single-active-consumer", true, false},
				{"x-queue-mode", "lazy", "default"},
				{"x-message-ttl", int32(1000), int64(1000)},
				{"x-mine", "a", "b"},
			}
			for i, row := range rows {
				q := fmt.Sprint("q", i)
				c.classic(q, table{row.name: row.a})
				c.attempt(row.name, func(ch *channel) { ch.classic(q, table{row.name: row.b}) })
				c.attempt(row.name+" without", func(ch *channel) { ch.classic(q, nil) })
			}
			c.classic("bare", nil)
			for _, row := range rows {
				c.attempt(row.name+" anew", func(ch *channel) { ch.classic("bare", table{row.name: row.a}) })
			}
		},
		want: `
			x-message-ttl: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q0' in vhost '/': received '2000' but current is '1000'
			x-message-ttl without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q0' in vhost '/': received none but current is the value '1000' of type 'signedint'
			x-message-ttl: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q1' in vhost '/': received none but current is '1000'
			x-message-ttl without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q1' in vhost '/': received none but current is the value '1000' of type 'signedint'
			x-expires: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q2' in vhost '/': received '200000' but current is '100000'
			x-expires without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q2' in vhost '/': received none but current is the value '100000' of type 'signedint'
			x-max-length: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q3' in vhost '/': received '20' but current is '10'
			x-max-length without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q3' in vhost '/': received none but current is the value '10' of type 'signedint'
			x-max-length-bytes: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'q4' in vhost '/': received '20' but current is '10'
			x-max-length-bytes without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'q4' in vhost '/': received none but current is the value '10' of type 'signedint'
			x-overflow: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'q5' in vhost '/': received 'reject-publish' but current is 'drop-head'
			x-overflow without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'q5' in vhost '/': received none but current is the value 'drop-head' of type 'longstr'
			x-max-priority: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q6' in vhost '/': received '6' but current is '5'
			x-max-priority without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q6' in vhost '/': received none but current is the value '5' of type 'signedint'
			x-dead-letter-exchange: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q7' in vhost '/': received 'b' but current is 'a'
			x-dead-letter-exchange without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q7' in vhost '/': received none but current is the value 'a' of type 'longstr'
			x-single-active-consumer: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-single-active-consumer' for queue 'q8' in vhost '/': received 'false' but current is 'true'
			x-single-active-consumer without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-single-active-consumer' for queue 'q8' in vhost '/': received none but current is the value 'true' of type 'bool'
			x-queue-mode: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-mode' for queue 'q9' in vhost '/': received 'default' but current is 'lazy'
			x-queue-mode without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-mode' for queue 'q9' in vhost '/': received none but current is the value 'lazy' of type 'longstr'
			x-message-ttl: ok
			x-message-ttl without: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q10' in vhost '/': received none but current is the value '1000' of type 'signedint'
			x-mine: ok
			x-mine without: ok
			x-message-ttl anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'bare' in vhost '/': received the value '1000' of type 'signedint' but current is none
			x-message-ttl anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'bare' in vhost '/': received the value '1000' of type 'signedint' but current is none
			x-expires anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'bare' in vhost '/': received the value '100000' of type 'signedint' but current is none
			x-max-length anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'bare' in vhost '/': received the value '10' of type 'signedint' but current is none
			x-max-length-bytes anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for queue 'bare' in vhost '/': received the value '10' of type 'signedint' but current is none
			x-overflow anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'bare' in vhost '/': received the value 'drop-head' of type 'longstr' but current is none
			x-max-priority anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'bare' in vhost '/': received the value '5' of type 'signedint' but current is none
			x-dead-letter-exchange anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'bare' in vhost '/': received the value 'a' of type 'longstr' but current is none
			x-single-active-consumer anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-single-active-consumer' for queue 'bare' in vhost '/': received the value 'true' of type 'bool' but current is none
			x-queue-mode anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-mode' for queue 'bare' in vhost '/': received the value 'lazy' of type 'longstr' but current is none
			x-message-ttl anew: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'bare' in vhost '/': received the value '1000' of type 'signedint' but current is none
			x-mine anew: ok`,
	},
	{
		name: "the arguments of a dead-letter key are compared too",
		do: func(c *client) {
			c.classic("q", table{"x-dead-letter-exchange": "a", "x-dead-letter-routing-key": "k"})
			c.attempt("key", func(ch *channel) {
				ch.classic("q", table{"x-dead-letter-exchange": "a", "x-dead-letter-routing-key": "other"})
			})
			c.attempt("no key", func(ch *channel) { ch.classic("q", table{"x-dead-letter-exchange": "a"}) })
		},
		want: `
			key: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': received 'other' but current is 'k'
			no key: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': received none but current is the value 'k' of type 'longstr'`,
	},
}
