package conformance_test

import (
	"strings"
)

// delete deletes a queue and notes how many messages went with it.
func (ch *channel) delete(name string, ifUnused, ifEmpty bool) {
	ch.t.Helper()
	n, err := ch.QueueDelete(ch.at(name), ifUnused, ifEmpty, false)
	if !ch.fail("delete "+name, err) {
		ch.notef("delete %s: %d messages", name, n)
	}
}

var queueScenarios = []scenario{
	{
		name: "a declaration tells how many messages are ready and how many consumers there are",
		do: func(c *client) {
			show := func() {
				q := c.declare("q", queue{})
				c.notef("%s: %d messages, %d consumers", q.Name, q.Messages, q.Consumers)
			}
			show()
			c.publish("q", "a", "b", "c")
			show()
			c.get("q")
			show() // unacknowledged messages are not counted
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
			c.notef("%v, %d letters", strings.HasPrefix(q.Name, "amq.gen-"), len(q.Name))
			again := c.declare("", queue{exclusive: true, transient: true})
			c.notef("another: %v", again.Name != q.Name)
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
		name: "line breaks are stripped from names that are declared, bound and deleted, and from no others",
		do: func(c *client) {
			queue, source := c.at("q"), c.at("x")
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), queue+"\r\n", uint8(8), table{})
			r.see(1)
			r.send(1, "exchange.declare", uint16(0), source+"\n", "direct", uint8(0), table{})
			r.see(1)
			r.send(1, "exchange.declare", uint16(0), source, "", uint8(1), table{})
			r.see(1)
			r.send(1, "queue.bind", uint16(0), queue+"\n", source+"\n", "k", uint8(0), table{})
			r.see(1)
			r.send(1, "queue.unbind", uint16(0), queue+"\n", source+"\n", "k", table{})
			r.see(1)
			r.send(1, "exchange.bind", uint16(0), source+"\n", "amq.direct\n", "k", uint8(0), table{})
			r.see(1)
			r.send(1, "exchange.delete", uint16(0), source+"\n", uint8(0))
			r.see(1)
			r.send(1, "queue.purge", uint16(0), queue+"\n", uint8(0))
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "basic.get", uint16(0), queue+"\n", uint8(0))
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "queue.delete", uint16(0), queue+"\n", uint8(0))
			r.see(1)
		},
		want: `
			channel 1: queue.declare-ok q, 0 messages, 0 consumers
			channel 1: exchange.declare-ok
			channel 1: exchange.declare-ok
			channel 1: queue.bind-ok
			channel 1: queue.unbind-ok
			channel 1: exchange.bind-ok
			channel 1: exchange.delete-ok
			channel 1: channel.close 404 NOT_FOUND - no queue 'q
			' in vhost '/' (queue.purge)
			channel 1: channel.close 404 NOT_FOUND - no queue 'q
			' in vhost '/' (basic.get)
			channel 1: queue.delete-ok 0 messages`,
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
		name: "a purge takes what is ready and tells how much",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.publish(kind, "a", "b", "c")
				c.get(kind)
				n, err := c.QueuePurge(c.at(kind), false)
				c.fail("purge", err)
				c.notef("purged %d", n)
				c.get(kind)
			}
			c.nack(1, requeue) // unacknowledged messages are not purged
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
