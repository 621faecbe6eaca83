package conformance_test

import (
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

const replyTo = "amq.rabbitmq.reply-to"

var replyScenarios = []scenario{
	{
		name: "a request may be answered without a queue",
		do: func(c *client) {
			c.classic("q", nil)
			k := c.consume(replyTo, consume{tag: "replies", noAck: true})
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{ReplyTo: replyTo, CorrelationId: "1", Body: []byte("request")}))
			c.sync()
			request := c.open().get("q")
			c.notef("%v", strings.HasPrefix(request.ReplyTo, replyTo+"."))
			c.send("", request.ReplyTo, "reply", amqp.Publishing{CorrelationId: request.CorrelationId})
			for _, d := range k.take(1) {
				c.notef("exchange %q, the same key: %v, correlation %s", d.Exchange, d.RoutingKey == request.ReplyTo, d.CorrelationId)
			}
		},
		want: `
			get: request
			true
			replies: reply
			exchange "", the same key: true, correlation 1`,
	},
	{
		name: "replies need no acks, and one consumer a channel",
		do: func(c *client) {
			c.attempt("with acks", func(ch *channel) { ch.consume(replyTo, consume{}) })
			c.attempt("two", func(ch *channel) {
				ch.consume(replyTo, consume{tag: "one", noAck: true})
				ch.consume(replyTo, consume{tag: "two", noAck: true})
			})
		},
		want: `
			with acks: channel closed, 406 PRECONDITION_FAILED - reply consumer cannot acknowledge
			two: channel closed, 406 PRECONDITION_FAILED - reply consumer already set`,
	},
	{
		name: "a reply needs a consumer for it when the request is published",
		do: func(c *client) {
			c.attempt("publish", func(ch *channel) {
				ch.fail("", ch.Publish("", "q", false, false, amqp.Publishing{ReplyTo: replyTo}))
				ch.ends()
			})
		},
		want: `
			channel closed: 406 PRECONDITION_FAILED - fast reply consumer does not exist
			publish: ok`,
	},
	{
		name: "a client that waits for a reply can be looked up",
		do: func(c *client) {
			c.classic("q", nil)
			ch := c.open()
			ch.consume(replyTo, consume{noAck: true})
			ch.fail("publish", ch.Publish("", c.at("q"), false, false, amqp.Publishing{ReplyTo: replyTo}))
			ch.sync()
			to := c.get("q").ReplyTo
			q, err := c.QueueDeclarePassive(to, false, false, false, false, nil)
			c.notef("%v, %d messages, %d consumers, %v", q.Name == to, q.Messages, q.Consumers, err)
			ch.fail("close", ch.Close())
			other := c.open()
			_, err = other.QueueDeclarePassive(to, false, false, false, false, nil)
			c.notef("there no more: %v", err != nil)
		},
		want: `
			get: 
			true, 0 messages, 1 consumers, <nil>
			there no more: true`,
	},
	{
		name: "a mandatory reply is delivered",
		do: func(c *client) {
			c.classic("q", nil)
			caller, server := c.open(), c.open()
			k := caller.consume(replyTo, consume{tag: "replies", noAck: true})
			c.fail("publish", caller.Publish("", c.at("q"), false, false, amqp.Publishing{ReplyTo: replyTo}))
			caller.sync()
			to := c.get("q").ReplyTo
			returns := server.NotifyReturn(make(chan amqp.Return, 2))
			reply := func(body string) {
				server.fail("publish", server.Publish("", to, true, false, amqp.Publishing{Body: []byte(body)}))
				server.sync()
				c.notef("%d returned", len(returns))
			}
			reply("to a caller that waits")
			k.take(1)
			c.fail("close", caller.Close())
			reply("to a caller that has gone")
		},
		want: `
			get: 
			0 returned
			replies: to a caller that waits
			0 returned`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
			get: 
			1 returned
			replies: to a caller that waits
			2 returned`,
			why: "4.3 routes a reply to a volatile queue, and earlier versions route it to no queue",
		}},
	},
	{
		name: "a reply to an unknown address is unroutable",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "confirm.select", uint8(0))
			r.see(1)
			r.send(1, "basic.publish", uint16(0), "", replyTo+".nobody", mandatory)
			r.header(1, 0)
			r.see(3)
		},
		want: `
			channel 1: confirm.select-ok
			channel 1: basic.return 312 NO_ROUTE, exchange "", key "amq.rabbitmq.reply-to.nobody"
			channel 1: header of 0 bytes
			channel 1: basic.ack tag 1, multiple=0`,
	},
}
