package conformance_test

import (
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// qos limits the unacknowledged messages of each new consumer, or of the whole channel.
func (ch *channel) qos(count int, global bool) {
	ch.t.Helper()
	ch.fail("qos", ch.Qos(count, 0, global))
}

var consumeScenarios = []scenario{
	{
		name: "a consumer without a tag is given one",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(1, "basic.consume", uint16(0), r.at("q"), "", uint8(0), table{})
			tag := r.skip("basic.consume-ok").shortString()
			c.notef("%v, %d letters", strings.HasPrefix(tag, "amq.ctag-"), len(tag))
		},
		want: "true, 31 letters",
	},
	{
		name: "a tag in use breaks the connection",
		do: func(c *client) {
			c.classic("q", nil)
			c.consume("q", consume{tag: "k"})
			c.consume("q", consume{tag: "k"})
		},
		want: "consume q: connection closed, 530 NOT_ALLOWED - attempt to reuse consumer tag 'k'",
	},
	{
		name: "a tag is a channel's own, and free again once it is cancelled",
		do: func(c *client) {
			c.classic("q", nil)
			c.consume("q", consume{tag: "k"})
			c.open().consume("q", consume{tag: "k"})
			c.fail("cancel", c.Cancel("k", false))
			c.consume("q", consume{tag: "k"})
			c.sync()
			c.notef("ok")
		},
		want: "ok",
	},
	{
		name: "an exclusive consumer is alone",
		do: func(c *client) {
			c.classic("q", nil)
			c.consume("q", consume{tag: "k", exclusive: true})
			c.attempt("another", func(ch *channel) { ch.consume("q", consume{}) })
			c.attempt("another exclusive", func(ch *channel) { ch.consume("q", consume{exclusive: true}) })
			c.attempt("get", func(ch *channel) { ch.get("q") })
			c.fail("cancel", c.Cancel("k", false))
			c.attempt("another, once it is gone", func(ch *channel) { ch.consume("q", consume{}) })
		},
		want: `
			another: channel closed, 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
			another exclusive: channel closed, 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
			get: empty
			get: ok
			another, once it is gone: ok`,
	},
	{
		name: "no consumer can be exclusive where there is one already",
		do: func(c *client) {
			c.classic("q", nil)
			c.consume("q", consume{})
			c.attempt("exclusive", func(ch *channel) { ch.consume("q", consume{exclusive: true}) })
		},
		want: "exclusive: channel closed, 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
	},
	{
		name: "an exclusive consumer of a quorum queue",
		do: func(c *client) {
			c.quorum("q", nil)
			c.consume("q", consume{tag: "k", exclusive: true})
			c.attempt("another", func(ch *channel) { ch.consume("q", consume{}) })
			c.attempt("another exclusive", func(ch *channel) { ch.consume("q", consume{exclusive: true}) })
		},
		want: `
			another: ok
			another exclusive: ok`,
	},
	{
		name: "a consumer gets what its own connection publishes, asked for or not",
		do: func(c *client) {
			c.classic("q", nil)
			k := c.consume("q", consume{noLocal: true})
			c.publish("q", "a")
			k.take(1)
		},
		want: "got: a",
	},
	{
		name: "after a cancel what was delivered stays unacknowledged, and can be acknowledged",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			k := ch.consume("q", consume{tag: "k"})
			k.take(2)
			ch.fail("cancel", ch.Cancel("k", false))
			k.take(1)
			c.holds("q", 0)
			ch.ack(1)
			ch.fail("close", ch.Close())
			c.holds("q", 1)
			c.get("q")
		},
		want: `
			k: a
			k: b
			k: deliveries end
			q holds 0
			q holds 1
			get: b, redelivered`,
	},
	{
		name: "an unknown tag can be cancelled",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.cancel", "unknown", uint8(0))
			r.see(1)
		},
		want: "channel 1: basic.cancel-ok unknown",
	},
	{
		name: "a consumer is told when its queue is deleted, and its channel stays",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				r := c.rawOpen(0)
				r.send(1, "basic.consume", uint16(0), r.at(kind), "k", uint8(0), table{})
				r.see(1)
				c.open().delete(kind, false, false)
				r.see(1)
				r.send(1, "tx.select")
				r.see(1)
			}
		},
		want: `
			channel 1: basic.consume-ok k
			delete classic: 0 messages
			channel 1: basic.cancel k
			channel 1: tx.select-ok
			channel 1: basic.consume-ok k
			delete quorum: 0 messages
			channel 1: basic.cancel k
			channel 1: tx.select-ok`,
	},
	{
		name: "a client that cannot be told is not",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawStarted()
			r.send(0, "connection.start-ok", table{}, "PLAIN", []byte("\x00guest\x00guest"), "en_US")
			r.skip("connection.tune")
			r.send(0, "connection.tune-ok", uint16(1), uint32(131072), uint16(0))
			r.send(0, "connection.open", "/", "", uint8(0))
			r.skip("connection.open-ok")
			r.send(1, "channel.open", "")
			r.skip("channel.open-ok")
			r.send(1, "basic.consume", uint16(0), r.at("q"), "k", uint8(0), table{})
			r.see(1)
			c.delete("q", false, false)
			r.seeNone()
		},
		want: `
			channel 1: basic.consume-ok k
			delete q: 0 messages
			nothing comes`,
	},
	{
		name: "what is unacknowledged when its queue is deleted can be acknowledged no less",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.get("q")
			c.open().delete("q", false, false)
			c.ack(1)
			c.sync()
			c.notef("ok")
		},
		want: `
			get: a
			delete q: 0 messages
			ok`,
	},
	{
		name: "a consumer without acks frees a message when it is sent",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			ch.consume("q", consume{noAck: true}).take(2)
			ch.fail("close", ch.Close())
			c.holds("q", 0)
		},
		want: `
			got: a
			got: b
			q holds 0`,
	},
	{
		name: "a delivery tells exchange, key and consumer",
		do: func(c *client) {
			c.exchange("x", "topic", exchange{})
			c.classic("q", nil)
			c.bind("q", "x", "#", nil)
			c.send("x", "a.b", "m", amqp.Publishing{})
			for _, d := range c.consume("q", consume{tag: "k"}).take(1) {
				c.notef("consumer %s", d.ConsumerTag)
				c.show(d)
			}
		},
		want: `
			k: m
			consumer k
			  exchange="x" key="a.b"`,
	},
}
