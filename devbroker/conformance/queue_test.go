package conformance_test

import (
	"strings"
)

// delete deletes a queue and notes how many messages went with it.
func (ch *channel) delete(name string, ifUnused, ifEmpty bool) {
	ch.t.Helper()
	n, err := ch.QueueDelete(ch.at(name), ifUnused, ifEmpty, false)
	if !ch.fail("delete "+name, err) {
		ch.note("delete %s: %d messages", name, n)
	}
}

var queueScenarios = []scenario{
	{
		name: "a declaration tells how many messages are ready and how many consumers there are",
		do: func(c *client) {
			show := func() {
				q := c.declare("q", queue{})
				c.note("%s: %d messages, %d consumers", q.Name, q.Messages, q.Consumers)
			}
			show()
			c.publish("q", "a", "b", "c")
			show()
			c.get("q")
			show() // what is unacknowledged does not count
			k := c.open().consume("q", consume{})
			k.take(2)
			show()
		},
		want: `
			q: 0 messages, 0 consumers
			q: 3 messages, 0 consumers
			get: a
			q: 2 messages, 0 consumers
			got: b
			got: c
			q: 0 messages, 1 consumers`,
	},
	{
		name: "a queue without a name is given one",
		do: func(c *client) {
			q := c.declare("", queue{exclusive: true, transient: true})
			c.note("%v, %d letters", strings.HasPrefix(q.Name, "amq.gen-"), len(q.Name))
			again := c.declare("", queue{exclusive: true, transient: true})
			c.note("another: %v", again.Name != q.Name)
			c.attempt("declare again by its name", func(ch *channel) { ch.declare(q.Name, queue{exclusive: true, transient: true}) })
			c.attempt("declare passively without a name", func(ch *channel) { ch.declare("", queue{passive: true}) })
		},
		want: `
			true, 30 letters
			another: true
			declare again by its name: channel closed, 403 ACCESS_REFUSED - queue name 'amq.gen-…' contains reserved prefix 'amq.*'
			declare passively without a name: channel closed, 404 NOT_FOUND - no queue '' in vhost '/'`,
	},
	{
		name: "queue names that begin with amq. are reserved",
		do: func(c *client) {
			c.attempt("new", func(ch *channel) { ch.declare("amq.mine", queue{}) })
			c.attempt("passive", func(ch *channel) { ch.declare("amq.mine", queue{passive: true}) })
			c.attempt("delete", func(ch *channel) { ch.delete("amq.mine", false, false) })
		},
		want: `
			new: channel closed, 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'
			passive: channel closed, 404 NOT_FOUND - no queue 'amq.mine' in vhost '/'
			delete amq.mine: 0 messages
			delete: ok`,
	},
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
			c.attempt("an argument nobody knows", func(ch *channel) { ch.classic("q", table{"x-mine": 1}) })
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
			an argument nobody knows: ok
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
				an argument nobody knows: ok
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
		name: "an exclusive queue is locked to all connections but its own",
		do: func(c *client) {
			c.declare("q", queue{exclusive: true})
			c.attempt("own connection", func(ch *channel) { ch.declare("q", queue{exclusive: true}) })
			d := c.dial()
			d.attempt("declare", func(ch *channel) { ch.declare("q", queue{exclusive: true}) })
			d.attempt("declare, not exclusive", func(ch *channel) { ch.declare("q", queue{}) })
			d.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
			d.attempt("consume", func(ch *channel) { ch.consume("q", consume{}) })
			d.attempt("get", func(ch *channel) { ch.get("q") })
			d.attempt("bind", func(ch *channel) { ch.bind("q", "amq.direct", "k", nil) })
			d.attempt("unbind", func(ch *channel) { ch.fail("", ch.QueueUnbind(ch.at("q"), "k", "amq.direct", nil)) })
			d.attempt("purge", func(ch *channel) {
				_, err := ch.QueuePurge(ch.at("q"), false)
				ch.fail("", err)
			})
			d.attempt("delete", func(ch *channel) { ch.delete("q", false, false) })
			d.publish("q", "anyone may publish")
			c.get("q")
		},
		want: `
			own connection: ok
			declare: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			declare, not exclusive: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			passive: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			consume: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			get: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			bind: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			unbind: ok
			purge: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			delete: channel closed, 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
			get: anyone may publish`,
	},
	{
		name: "an exclusive queue goes with its connection",
		do: func(c *client) {
			d := c.dial()
			d.declare("q", queue{exclusive: true})
			d.publish("q", "a")
			d.close()
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "an exclusive queue may be auto-delete too",
		do: func(c *client) {
			c.declare("q", queue{exclusive: true, autoDelete: true})
			k := c.open()
			k.consume("q", consume{tag: "k"})
			c.fail("cancel", k.Cancel("k", false))
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "an auto-delete queue goes with its last consumer, and not before its first",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			c.publish("q", "a")
			c.attempt("no consumer yet", func(ch *channel) { ch.declare("q", queue{passive: true}) })
			c.consume("q", consume{tag: "one"})
			c.consume("q", consume{tag: "two"})
			c.fail("cancel", c.Cancel("one", false))
			c.attempt("one left", func(ch *channel) { ch.declare("q", queue{passive: true}) })
			c.fail("cancel", c.Cancel("two", false))
			c.attempt("none left", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: `
			no consumer yet: ok
			one left: ok
			none left: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "an auto-delete queue goes when its consumer's channel does",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			ch := c.open()
			ch.consume("q", consume{})
			c.fail("close", ch.Close())
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: "passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'",
	},
	{
		name: "a basic.get does not make an auto-delete queue go",
		do: func(c *client) {
			c.declare("q", queue{autoDelete: true})
			c.get("q")
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: `
			get: empty
			passive: ok`,
	},
	{
		name: "a queue nobody uses goes after x-expires",
		do: func(c *client) {
			c.exchange("dlx", "fanout", exchange{})
			c.classic("dead", nil)
			c.bind("dead", "dlx", "", nil)
			c.classic("q", table{"x-expires": 100, "x-dead-letter-exchange": c.at("dlx")})
			c.publish("q", "a")
			c.gone("q")
			c.holds("dead", 0) // its messages are not dead-lettered
		},
		want: `
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'
			dead holds 0`,
	},
	{
		name: "a queue with a consumer does not expire",
		do: func(c *client) {
			c.classic("q", table{"x-expires": 1000})
			k := c.consume("q", consume{tag: "k"})
			for range 8 {
				k.none()
			}
			c.publish("q", "a")
			k.take(1)
			c.fail("cancel", c.Cancel("k", false))
			c.gone("q")
		},
		want: `
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: nothing more
			k: a
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a passive declaration and a basic.get put off the end of an unused queue",
		do: func(c *client) {
			c.classic("other", nil)
			clock := c.consume("other", consume{tag: "time passes"})
			c.classic("q", table{"x-expires": 1000})
			for range 4 {
				clock.none()
				c.declare("q", queue{passive: true})
				clock.none()
				c.get("q")
			}
			c.gone("q")
		},
		want: `
			time passes: nothing more
			time passes: nothing more
			get: empty
			time passes: nothing more
			time passes: nothing more
			get: empty
			time passes: nothing more
			time passes: nothing more
			get: empty
			time passes: nothing more
			time passes: nothing more
			get: empty
			q is gone: 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a purge takes what is ready and tells how much",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				c.get(kind)
				n, err := c.QueuePurge(c.at(kind), false)
				c.fail("purge", err)
				c.note("purged %d", n)
				c.get(kind)
			}
			c.nack(1, requeue) // what was unacknowledged is not purged
			c.sync()
			c.get("classic")
		},
		want: `
			get: a
			purged 2
			get: empty
			get: a
			purged 2
			get: empty
			get: a, redelivered`,
	},
	{
		name: "a queue is deleted if it is unused or empty, where that is asked for",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			c.attempt("if empty", func(ch *channel) { ch.delete("q", false, true) })
			c.consume("q", consume{tag: "k"}).take(2)
			c.attempt("if unused", func(ch *channel) { ch.delete("q", true, false) })
			c.fail("cancel", c.Cancel("k", false))
			c.attempt("if unused, without consumer", func(ch *channel) { ch.delete("q", true, false) })
		},
		want: `
			if empty: channel closed, 406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty
			k: a
			k: b
			if unused: channel closed, 406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use
			delete q: 0 messages
			if unused, without consumer: ok`,
	},
	{
		name: "a quorum queue cannot be deleted on such conditions",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a")
			c.attempt("if empty", func(ch *channel) { ch.delete("q", false, true) })
			c.attempt("if unused", func(ch *channel) { ch.delete("q", true, false) })
			c.attempt("in any case", func(ch *channel) { ch.delete("q", false, false) })
		},
		want: `
			if empty: connection closed, 540 NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with if-empty flag set are not supported by quorum queues
			if unused: no connection
			in any case: no connection`,
	},
	{
		name: "a deletion tells how many messages were ready",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b", "c")
			c.get("q")
			c.delete("q", false, false)
		},
		want: `
			get: a
			delete q: 2 messages`,
	},
	{
		name: "deleting what is not there is no fault, purging it is",
		do: func(c *client) {
			c.attempt("delete", func(ch *channel) { ch.delete("missing", false, false) })
			c.attempt("delete if unused", func(ch *channel) { ch.delete("missing", true, true) })
			c.attempt("purge", func(ch *channel) {
				_, err := ch.QueuePurge(ch.at("missing"), false)
				ch.fail("", err)
			})
			c.attempt("get", func(ch *channel) { ch.get("missing") })
			c.attempt("consume", func(ch *channel) { ch.consume("missing", consume{}) })
		},
		want: `
			delete missing: 0 messages
			delete: ok
			delete missing: 0 messages
			delete if unused: ok
			purge: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'
			get: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'
			consume: channel closed, 404 NOT_FOUND - no queue 'missing' in vhost '/'`,
	},
	{
		name: "an empty name is the last declared queue for all that is done with it",
		do: func(c *client) {
			c.attempt("get", func(ch *channel) { ch.get("") })
			c.attempt("consume", func(ch *channel) { ch.consume("", consume{}) })
			c.attempt("purge", func(ch *channel) {
				_, err := ch.QueuePurge("", false)
				ch.fail("", err)
			})
			c.attempt("delete", func(ch *channel) { ch.delete("", false, false) })
			c.classic("q", nil)
			c.publish("q", "a")
			c.get("")
			c.attempt("another channel", func(ch *channel) { ch.get("") })
			c.delete("", false, false)
			c.attempt("passive", func(ch *channel) { ch.declare("q", queue{passive: true}) })
		},
		want: `
			get: channel closed, 404 NOT_FOUND - no previously declared queue
			consume: channel closed, 404 NOT_FOUND - no previously declared queue
			purge: channel closed, 404 NOT_FOUND - no previously declared queue
			delete: channel closed, 404 NOT_FOUND - no previously declared queue
			get: a
			another channel: channel closed, 404 NOT_FOUND - no previously declared queue
			delete : 0 messages
			passive: channel closed, 404 NOT_FOUND - no queue 'q' in vhost '/'`,
	},
	{
		name: "a deleted queue's name can be used for another",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.delete("q", false, false)
			c.quorum("q", nil)
			c.get("q")
			c.delete("q", false, false)
		},
		want: `
			delete q: 1 messages
			get: empty
			delete q: 0 messages`,
	},
	{
		name: "a transient queue that all may use",
		do: func(c *client) {
			c.attempt("declare", func(ch *channel) { ch.declare("q", queue{transient: true}) })
			c.attempt("declare auto-delete", func(ch *channel) { ch.declare("q", queue{transient: true, autoDelete: true}) })
			c.attempt("declare exclusive", func(ch *channel) { ch.declare("mine", queue{transient: true, exclusive: true}) })
		},
		want: `
			declare: ok
			declare auto-delete: channel closed, 406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'
			declare exclusive: ok`,
	},
}
