package conformance_test

import (
	"fmt"
	"maps"
	"slices"
)

// declarable declares a queue of each kind with the argument, on a channel each.
func (c *client) declarable(kind, name string, values ...any) {
	c.t.Helper()
	for _, v := range values {
		what := fmt.Sprintf("%s %s=%s", kind, name, value(v))
		args := table{"x-queue-type": kind, name: v}
		c.attempt(what, func(ch *channel) {
			ch.declare("q", queue{args: args})
			if !ch.failed {
				_, err := ch.QueueDelete(ch.at("q"), false, false, false)
				ch.fail("delete", err)
			}
		})
	}
}

var argumentScenarios = []scenario{
	{
		name: "x-message-ttl is a number from 0",
		do: func(c *client) {
			c.declarable("classic", "x-message-ttl", 0, int64(1)<<32, -1, "100", 1.5, true, nil)
			c.declarable("classic", "x-message-ttl", int64(315360000000), int64(315360000001))
			c.declarable("quorum", "x-message-ttl", -1, "100")
		},
		want: `
			classic x-message-ttl=int(0): ok
			classic x-message-ttl=int64(4294967296): ok
			classic x-message-ttl=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}
			classic x-message-ttl="100": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got longstr"
			classic x-message-ttl=float64(1.5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got double"
			classic x-message-ttl=true: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got bool"
			classic x-message-ttl=<nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got void"
			classic x-message-ttl=int64(315360000000): ok
			classic x-message-ttl=int64(315360000001): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_too_large,315360000001}
			quorum x-message-ttl=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}
			quorum x-message-ttl="100": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got longstr"`,
	},
	{
		name: "x-expires is a number from 1",
		do: func(c *client) {
			c.declarable("classic", "x-expires", 10000, 0, -1, "100")
			c.declarable("quorum", "x-expires", 0)
		},
		want: `
			classic x-expires=int(10000): ok
			classic x-expires=int(0): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}
			classic x-expires=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_negative,-1}
			classic x-expires="100": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': "expected integer, got longstr"
			quorum x-expires=int(0): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}`,
	},
	{
		name: "x-max-length is a number from 0",
		do: func(c *client) {
			c.declarable("classic", "x-max-length", 0, -1, "1")
			c.declarable("classic", "x-max-length-bytes", 0, -1, "1")
			c.declarable("quorum", "x-max-length", 0, -1)
		},
		want: `
			classic x-max-length=int(0): ok
			classic x-max-length=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}
			classic x-max-length="1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': "expected integer, got longstr"
			classic x-max-length-bytes=int(0): ok
			classic x-max-length-bytes=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-length-bytes' for queue 'q' in vhost '/': {value_negative,-1}
			classic x-max-length-bytes="1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-length-bytes' for queue 'q' in vhost '/': "expected integer, got longstr"
			quorum x-max-length=int(0): ok
			quorum x-max-length=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}`,
	},
	{
		name: "x-overflow is one of three words",
		do: func(c *client) {
			c.declarable("classic", "x-overflow", "drop-head", "reject-publish", "reject-publish-dlx", "drop-tail", 1)
			c.declarable("quorum", "x-overflow", "reject-publish-dlx", "drop-tail")
		},
		want: `
			classic x-overflow="drop-head": ok
			classic x-overflow="reject-publish": ok
			classic x-overflow="reject-publish-dlx": ok
			classic x-overflow="drop-tail": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow
			classic x-overflow=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'q' in vhost '/': {unacceptable_type,signedint}
			quorum x-overflow="reject-publish-dlx": ok
			quorum x-overflow="drop-tail": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow`,
	},
	{
		name: "x-max-priority is a number from 0 to 255, and for classic queues",
		do: func(c *client) {
			c.declarable("classic", "x-max-priority", 0, 10, 256, -1, "5")
			c.declarable("quorum", "x-max-priority", 5)
		},
		want: `
			classic x-max-priority=int(0): ok
			classic x-max-priority=int(10): ok
			classic x-max-priority=int(256): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}
			classic x-max-priority=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '/': {value_negative,-1}
			classic x-max-priority="5": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '/': "expected integer, got longstr"
			quorum x-max-priority=int(5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue`,
	},
	{
		name: "x-queue-type is one of few words",
		do: func(c *client) {
			for _, v := range []any{"classic", "quorum", "Classic", "", "nonsense", 1, nil} {
				c.attempt(value(v), func(ch *channel) {
					if ch.declare("q", queue{args: table{"x-queue-type": v}}); !ch.failed {
						_, err := ch.QueueDelete(ch.at("q"), false, false, false)
						ch.fail("delete", err)
					}
				})
			}
		},
		want: `
			"classic": ok
			"quorum": ok
			"Classic": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'Classic'"
			"": ok
			"nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'nonsense'"
			int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,signedint}
			<nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,void}`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				"classic": ok
				"quorum": ok
				"Classic": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'Classic'"
				"": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type ''"
				"nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'nonsense'"
				int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,signedint}
				<nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,void}`,
			why: "4.3 takes an empty type for none",
		}},
	},
	{
		name: "dead-letter arguments are strings, and a key needs an exchange",
		do: func(c *client) {
			c.declarable("classic", "x-dead-letter-exchange", "missing", "", 1)
			c.declarable("classic", "x-dead-letter-routing-key", "alone", 1)
			c.declarable("quorum", "x-dead-letter-routing-key", "alone")
			c.attempt("both", func(ch *channel) {
				ch.classic("q", table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "k"})
			})
		},
		want: `
			classic x-dead-letter-exchange="missing": ok
			classic x-dead-letter-exchange="": ok
			classic x-dead-letter-exchange=int(1): channel closed, 406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'
			classic x-dead-letter-routing-key="alone": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined
			classic x-dead-letter-routing-key=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': {unacceptable_type,signedint}
			quorum x-dead-letter-routing-key="alone": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined
			both: ok`,
	},
	{
		name: "x-dead-letter-strategy is for quorum queues",
		do: func(c *client) {
			c.declarable("quorum", "x-dead-letter-strategy", "at-most-once", "at-least-once", "sometimes", 1)
			c.declarable("classic", "x-dead-letter-strategy", "at-most-once", "at-least-once", "sometimes")
		},
		want: `
			quorum x-dead-letter-strategy="at-most-once": ok
			quorum x-dead-letter-strategy="at-least-once": ok
			quorum x-dead-letter-strategy="sometimes": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/': invalid_dlx_strategy
			quorum x-dead-letter-strategy=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/': {unacceptable_type,signedint}
			classic x-dead-letter-strategy="at-most-once": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			classic x-dead-letter-strategy="at-least-once": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			classic x-dead-letter-strategy="sometimes": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue`,
	},
	{
		name: "x-delivery-limit is for quorum queues",
		do: func(c *client) {
			c.declarable("quorum", "x-delivery-limit", 0, -2, "3")
			c.declarable("classic", "x-delivery-limit", 3)
		},
		want: `
			quorum x-delivery-limit=int(0): ok
			quorum x-delivery-limit=int(-2): ok
			quorum x-delivery-limit="3": ok
			classic x-delivery-limit=int(3): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for queue 'q' in vhost '/' of queue type rabbit_classic_queue`,
	},
	{
		name: "x-single-active-consumer is true or false",
		do: func(c *client) {
			c.declarable("classic", "x-single-active-consumer", true, false, "true", 1)
			c.declarable("quorum", "x-single-active-consumer", true)
		},
		want: `
			classic x-single-active-consumer=true: ok
			classic x-single-active-consumer=false: ok
			classic x-single-active-consumer="true": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,longstr}
			classic x-single-active-consumer=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,signedint}
			quorum x-single-active-consumer=true: ok`,
	},
	{
		name: "x-consumer-timeout came with 3.12",
		do: func(c *client) {
			c.declarable("classic", "x-consumer-timeout", 60000, "x")
			c.declarable("quorum", "x-consumer-timeout", 60000, -1)
		},
		want: `
			classic x-consumer-timeout=int(60000): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			classic x-consumer-timeout="x": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			quorum x-consumer-timeout=int(60000): ok
			quorum x-consumer-timeout=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-consumer-timeout' for queue 'q' in vhost '/': {value_negative,-1}`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic x-consumer-timeout=int(60000): ok
				classic x-consumer-timeout="x": ok
				quorum x-consumer-timeout=int(60000): ok
				quorum x-consumer-timeout=int(-1): ok`,
			why: "an argument nobody checks before 4.3, which has it for quorum queues alone",
		}},
	},
	{
		name: "x-queue-mode was for classic queues, and lazy is all of them now",
		do: func(c *client) {
			c.declarable("classic", "x-queue-mode", "lazy", "default", "nonsense")
			c.declarable("quorum", "x-queue-mode", "lazy")
		},
		want: `
			classic x-queue-mode="lazy": ok
			classic x-queue-mode="default": ok
			classic x-queue-mode="nonsense": ok
			quorum x-queue-mode="lazy": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic x-queue-mode="lazy": ok
				classic x-queue-mode="default": ok
				classic x-queue-mode="nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'q' in vhost '/': "unsupported queue mode 'nonsense'"
				quorum x-queue-mode="lazy": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue`,
			why: "4.3 no longer knows the argument, and so does not check it",
		}},
	},
	{
		name: "x-queue-version is 1 or 2, and 4.3 has no 1",
		do:   func(c *client) { c.declarable("classic", "x-queue-version", 1, 2, 3) },
		want: `
			classic x-queue-version=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-version' for queue 'q' in vhost '/': "unsupported queue version '1'"
			classic x-queue-version=int(2): ok
			classic x-queue-version=int(3): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-version' for queue 'q' in vhost '/': "unsupported queue version '3'"`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic x-queue-version=int(1): ok
				classic x-queue-version=int(2): ok
				classic x-queue-version=int(3): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-version' for queue 'q' in vhost '/': "unsupported queue version '3'"`,
			why: "the first version of classic queues was removed later",
		}},
	},
	{
		name: "arguments of a cluster are checked on a single node too",
		do: func(c *client) {
			c.declarable("quorum", "x-quorum-initial-group-size", 3, 0)
			c.declarable("classic", "x-quorum-initial-group-size", 1)
			c.declarable("quorum", "x-queue-leader-locator", "balanced", "nonsense")
		},
		want: `
			quorum x-quorum-initial-group-size=int(3): ok
			quorum x-quorum-initial-group-size=int(0): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-quorum-initial-group-size' for queue 'q' in vhost '/': {value_zero,0}
			classic x-quorum-initial-group-size=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-quorum-initial-group-size' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			quorum x-queue-leader-locator="balanced": ok
			quorum x-queue-leader-locator="nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-leader-locator' for queue 'q' in vhost '/': invalid_queue_locator_arg`,
	},
	{
		name: "x-queue-leader-locator came to classic queues with 4.0",
		do:   func(c *client) { c.declarable("classic", "x-queue-leader-locator", "client-local", "nonsense") },
		want: `
			classic x-queue-leader-locator="client-local": ok
			classic x-queue-leader-locator="nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-leader-locator' for queue 'q' in vhost '/': invalid_queue_locator_arg`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic x-queue-leader-locator="client-local": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-leader-locator' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
				classic x-queue-leader-locator="nonsense": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-leader-locator' for queue 'q' in vhost '/' of queue type rabbit_classic_queue`,
			why: "3.10 calls it x-queue-master-locator where the queue is classic",
		}},
	},
	{
		name: "x-max-age is for streams",
		do: func(c *client) {
			c.declarable("classic", "x-max-age", "1D")
			c.declarable("quorum", "x-max-age", "1D")
		},
		want: `
			classic x-max-age="1D": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			quorum x-max-age="1D": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue`,
	},
	{
		name: "a delay before a retry came to quorum queues with 4.3",
		do: func(c *client) {
			c.declarable("quorum", "x-delayed-retry-type", "all", "nonsense")
			c.declarable("quorum", "x-delayed-retry-min", -1)
			c.declarable("classic", "x-delayed-retry-type", "all")
		},
		want: `
			quorum x-delayed-retry-type="all": ok
			quorum x-delayed-retry-type="nonsense": ok
			quorum x-delayed-retry-min=int(-1): ok
			classic x-delayed-retry-type="all": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-delayed-retry-type' for queue 'q' in vhost '/' of queue type rabbit_classic_queue`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				quorum x-delayed-retry-type="all": ok
				quorum x-delayed-retry-type="nonsense": ok
				quorum x-delayed-retry-min=int(-1): ok
				classic x-delayed-retry-type="all": ok`,
			why: "an argument nobody knows is ignored",
		}},
	},
	{
		name: "an argument nobody knows is ignored",
		do: func(c *client) {
			c.declarable("classic", "x-mine", 1, "a", nil)
			c.declarable("quorum", "x-mine", 1)
			c.declarable("classic", "mine", true)
		},
		want: `
			classic x-mine=int(1): ok
			classic x-mine="a": ok
			classic x-mine=<nil>: ok
			quorum x-mine=int(1): ok
			classic mine=true: ok`,
	},
	{
		name: "a quorum queue is durable and for all",
		do: func(c *client) {
			quorum := table{"x-queue-type": "quorum"}
			rows := map[string]queue{
				"1 transient":   {transient: true, args: quorum},
				"2 exclusive":   {exclusive: true, args: quorum},
				"3 auto-delete": {autoDelete: true, args: quorum},
				"4 all three":   {exclusive: true, transient: true, autoDelete: true, args: quorum},
			}
			for _, what := range slices.Sorted(maps.Keys(rows)) {
				c.attempt(what, func(ch *channel) { ch.declare("q", rows[what]) })
			}
		},
		want: `
			1 transient: channel closed, 406 PRECONDITION_FAILED - invalid property 'non-durable' for queue 'q' in vhost '/'
			2 exclusive: channel closed, 406 PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'q' in vhost '/'
			3 auto-delete: channel closed, 406 PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'q' in vhost '/'
			4 all three: channel closed, 406 PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'q' in vhost '/'`,
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
