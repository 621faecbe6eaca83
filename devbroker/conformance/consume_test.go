package conformance_test

import (
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// qos limits what is unacknowledged: of each new consumer, or of the whole channel.
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
			c.note("%v, %d letters", strings.HasPrefix(tag, "amq.ctag-"), len(tag))
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
			c.note("ok")
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
			c.note("ok")
		},
		want: `
			get: a
			delete q: 0 messages
			ok`,
	},
	{
		name: "messages go round among consumers",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				var all []*consumer
				for _, tag := range []string{"k1", "k2", "k3"} {
					all = append(all, c.consume(kind, consume{tag: kind + " " + tag}))
				}
				c.publish(kind, "a", "b", "c", "d", "e", "f")
				for _, k := range all {
					k.take(2)
				}
			}
		},
		want: `
			classic k1: a
			classic k1: d
			classic k2: b
			classic k2: e
			classic k3: c
			classic k3: f
			quorum k1: a
			quorum k1: d
			quorum k2: b
			quorum k2: e
			quorum k3: c
			quorum k3: f`,
	},
	{
		name: "consumers of a higher priority come first, as long as they have room",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				c.qos(1, false)
				low := c.consume(kind, consume{tag: kind + " low"})
				high := c.consume(kind, consume{tag: kind + " high", args: table{"x-priority": 10}})
				lowest := c.consume(kind, consume{tag: kind + " lowest", args: table{"x-priority": -10}})
				c.publish(kind, "a")
				high.take(1)
				c.publish(kind, "b")
				low.take(1)
				c.publish(kind, "c")
				lowest.take(1)
			}
		},
		want: `
			classic high: a
			classic low: b
			classic lowest: c
			quorum high: a
			quorum low: b
			quorum lowest: c`,
	},
	{
		name: "the priority of a consumer is a number",
		do: func(c *client) {
			c.classic("q", nil)
			c.quorum("quorum", nil)
			for _, v := range []any{1, -1, int64(1) << 40, "1", 1.5, true, nil} {
				c.attempt(value(v), func(ch *channel) { ch.consume("q", consume{args: table{"x-priority": v}}) })
				c.attempt("quorum "+value(v), func(ch *channel) { ch.consume("quorum", consume{args: table{"x-priority": v}}) })
			}
		},
		want: `
			int(1): ok
			quorum int(1): ok
			int(-1): ok
			quorum int(-1): ok
			int64(1099511627776): ok
			quorum int64(1099511627776): ok
			"1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got longstr"
			quorum "1": channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got longstr"
			float64(1.5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got double"
			quorum float64(1.5): channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got double"
			true: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got bool"
			quorum true: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got bool"
			<nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got void"
			quorum <nil>: channel closed, 406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'quorum' in vhost '/': "expected integer, got void"`,
	},
	{
		name: "a single active consumer gets all, and the next takes over from it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				first, second := c.open(), c.open()
				k1 := first.consume(kind, consume{tag: kind + " k1"})
				k2 := second.consume(kind, consume{tag: kind + " k2"})
				c.publish(kind, "a", "b")
				k1.take(2)
				k2.none()
				first.ack(1)
				first.fail("close", first.Close())
				k2.take(1)
				c.publish(kind, "c")
				k2.take(1)
			}
		},
		want: `
			classic k1: a
			classic k1: b
			classic k2: nothing more
			classic k2: b, redelivered
			classic k2: c
			quorum k1: a
			quorum k1: b
			quorum k2: nothing more
			quorum k2: b, redelivered
			quorum k2: c`,
	},
	{
		name: "a cancelled single active consumer hands over, what it holds stays with it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				first := c.open()
				k1 := first.consume(kind, consume{tag: kind + " k1"})
				k2 := c.open().consume(kind, consume{tag: kind + " k2"})
				c.publish(kind, "a")
				k1.take(1)
				first.fail("cancel", first.Cancel(k1.tag, false))
				c.publish(kind, "b")
				if kind == "quorum" {
					first.nack(1, requeue)
				}
				k2.take(1)
			}
		},
		want: `
			classic k1: a
			classic k2: b
			quorum k1: a
			quorum k2: b`,
	},
	{
		name: "a single active consumer excludes exclusive ones",
		do: func(c *client) {
			c.classic("q", table{"x-single-active-consumer": true})
			c.attempt("exclusive", func(ch *channel) { ch.consume("q", consume{exclusive: true}) })
			c.quorum("quorum", table{"x-single-active-consumer": true})
			c.attempt("exclusive, quorum", func(ch *channel) { ch.consume("quorum", consume{exclusive: true}) })
		},
		want: `
			exclusive: channel closed, 403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
			exclusive, quorum: ok`,
	},
	{
		name: "a consumer of a higher priority takes over from the single active one of a quorum queue",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-single-active-consumer": true}})
				low := c.consume(kind, consume{tag: kind + " low"})
				high := c.consume(kind, consume{tag: kind + " high", args: table{"x-priority": 10}})
				c.publish(kind, "a")
				whoever(low, high)
			}
		},
		want: `
			classic low: a
			quorum high: a`,
		differ: []difference{{
			versions: "3.10",
			want: `
				classic low: a
				quorum low: a`,
			why: "priority counts among single active consumers of quorum queues from 4.0 on",
		}},
	},
	{
		name: "unacknowledged messages of a lost connection go to others",
		do: func(c *client) {
			c.classic("q", nil)
			d := c.dial()
			c.publish("q", "a", "b", "c")
			d.consume("q", consume{tag: "first"}).take(3)
			k := c.consume("q", consume{tag: "second"})
			d.close()
			k.take(3)
		},
		want: `
			first: a
			first: b
			first: c
			second: a, redelivered
			second: b, redelivered
			second: c, redelivered`,
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
				c.note("consumer %s", d.ConsumerTag)
				c.show(d)
			}
		},
		want: `
			k: m
			consumer k
			  exchange="x" key="a.b"`,
	},
}
