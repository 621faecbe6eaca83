package conformance_test

import (
	"maps"
	"slices"
)

var queueKindScenarios = []scenario{
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
		name: "lengths may be as large as a number can be",
		do: func(c *client) {
			c.declarable("classic", "x-max-length", int64(1)<<62)
			c.declarable("classic", "x-max-length-bytes", int64(1)<<62)
			c.declarable("quorum", "x-max-length-bytes", int64(1)<<62)
		},
		want: `
			classic x-max-length=int64(4611686018427387904): ok
			classic x-max-length-bytes=int64(4611686018427387904): ok
			quorum x-max-length-bytes=int64(4611686018427387904): ok`,
	},
	{
		name: "arguments of streams and of mirrored queues are refused where they mean nothing",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declarable(kind, "x-stream-max-segment-size-bytes", 1)
				c.declarable(kind, "x-initial-cluster-size", 1)
			}
			c.declarable("quorum", "x-queue-master-locator", "client-local")
		},
		want: `
			classic x-stream-max-segment-size-bytes=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-stream-max-segment-size-bytes' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			classic x-initial-cluster-size=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-initial-cluster-size' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
			quorum x-stream-max-segment-size-bytes=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-stream-max-segment-size-bytes' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue
			quorum x-initial-cluster-size=int(1): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-initial-cluster-size' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue
			quorum x-queue-master-locator="client-local": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-queue-master-locator' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue`,
	},
	{
		name: "the size of a stream's filter came with 4.3",
		do:   func(c *client) { c.declarable("classic", "x-stream-filter-size-bytes", 16) },
		want: `
			classic x-stream-filter-size-bytes=int(16): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-stream-filter-size-bytes' for queue 'q' in vhost '/' of queue type rabbit_classic_queue`,
		differ: []difference{{
			versions: "3.10 4.0", want: "classic x-stream-filter-size-bytes=int(16): ok", why: "they do not check it on other types of queues",
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
			why: "an unknown argument is ignored",
		}},
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
}
