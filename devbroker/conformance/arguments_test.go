package conformance_test

import (
	"fmt"
)

// declarable declares a queue of each kind with the argument, each on its own channel.
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
			why: "the argument is checked from 4.3 on, which has it for quorum queues only",
		}},
	},
	{
		name: "x-consumer-disconnected-timeout came with 4.3",
		do: func(c *client) {
			c.declarable("classic", "x-consumer-disconnected-timeout", 5000)
			c.declarable("quorum", "x-consumer-disconnected-timeout", 5000, 0, -1)
			c.quorum("q2", table{"x-consumer-disconnected-timeout": 5000})
			c.attempt("another", func(ch *channel) { ch.quorum("q2", table{"x-consumer-disconnected-timeout": 6000}) })
		},
		want: `
			classic x-consumer-disconnected-timeout=int(5000): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-consumer-disconnected-timeout' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			quorum x-consumer-disconnected-timeout=int(5000): ok
			quorum x-consumer-disconnected-timeout=int(0): ok
			quorum x-consumer-disconnected-timeout=int(-1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-consumer-disconnected-timeout' for queue 'q' in vhost '/': {value_negative,-1}
			another: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'x-consumer-disconnected-timeout' for queue 'q2' in vhost '/': received '6000' but current is '5000'`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				classic x-consumer-disconnected-timeout=int(5000): ok
				quorum x-consumer-disconnected-timeout=int(5000): ok
				quorum x-consumer-disconnected-timeout=int(0): ok
				quorum x-consumer-disconnected-timeout=int(-1): ok
				another: ok`,
			why: "the argument is checked from 4.3 on, which has it for quorum queues only",
		}},
	},
	{
		name: "an unknown argument is ignored",
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
}
