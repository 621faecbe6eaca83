package conformance_test

import (
	"fmt"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Bits of basic.publish.
const (
	mandatory = uint8(1)
	immediate = uint8(2)
)

// publishRaw publishes with the given bits through the default exchange.
func (r *raw) publishRaw(queue string, bits uint8, body string) {
	r.t.Helper()
	r.send(1, "basic.publish", uint16(0), "", r.at(queue), bits)
	r.header(1, uint64(len(body)))
	r.frame(bodyFrame, 1, []byte(body))
}

var publishScenarios = []scenario{
	{
		name: "confirms are numbered from 1 for each channel",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.publish("q", "before") // published before confirm.select, so it is not counted
			r.send(1, "confirm.select", uint8(0))
			r.see(1)
			for range 2 {
				r.publish("q", "x")
				r.see(1)
			}
			r.send(1, "confirm.select", uint8(0)) // a second confirm.select continues the count
			r.see(1)
			r.publish("q", "x")
			r.see(1)
		},
		want: `
			channel 1: confirm.select-ok
			channel 1: basic.ack tag 1, multiple=0
			channel 1: basic.ack tag 2, multiple=0
			channel 1: confirm.select-ok
			channel 1: basic.ack tag 3, multiple=0`,
	},
	{
		name: "what no queue wants is confirmed, and what is not mandatory is gone",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "confirm.select", uint8(0))
			r.skip("confirm.select-ok")
			r.publish("missing", "x")
			r.see(1)
		},
		want: "channel 1: basic.ack tag 1, multiple=0",
	},
	{
		name: "a mandatory message that no queue wants comes back, before its confirm",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(1, "confirm.select", uint8(0))
			r.skip("confirm.select-ok")
			r.publishRaw("missing", mandatory, "body")
			r.see(4)
			r.publishRaw("q", mandatory, "body")
			r.see(1)
		},
		want: `
			channel 1: basic.return 312 NO_ROUTE, exchange "", key "missing"
			channel 1: header of 4 bytes
			channel 1: body "body"
			channel 1: basic.ack tag 1, multiple=0
			channel 1: basic.ack tag 2, multiple=0`,
	},
	{
		name: "a returned message has all its properties, CC included and BCC not",
		do: func(c *client) {
			c.exchange("x", "direct", exchange{})
			returns := c.NotifyReturn(make(chan amqp.Return, 1))
			c.fail("publish", c.Publish(c.at("x"), "k", true, false, amqp.Publishing{
				Headers:  table{"a": "1", "CC": []any{"cc"}, "BCC": []any{"bcc"}},
				Priority: 3, Expiration: "1000", MessageId: "m1", Body: []byte("body"),
			}))
			r := <-returns
			c.notef("%d %s, exchange %s, key %s", r.ReplyCode, r.ReplyText, r.Exchange, r.RoutingKey)
			c.notef("priority %d, expiration %s, id %s", r.Priority, r.Expiration, r.MessageId)
			c.headers(r.Headers)
		},
		want: `
			312 NO_ROUTE, exchange x, key k
			priority 3, expiration 1000, id m1
			  CC=["cc"]
			  a="1"`,
	},
	{
		name: "a mandatory message that reaches a queue by CC alone is not returned",
		do: func(c *client) {
			c.classic("q", nil)
			returns := c.NotifyReturn(make(chan amqp.Return, 1))
			c.fail("publish", c.Publish("", "missing", true, false, amqp.Publishing{Headers: table{"CC": []any{c.at("q")}}}))
			c.sync()
			c.holds("q", 1)
			c.notef("%d returned", len(returns))
		},
		want: `
			q holds 1
			0 returned`,
	},
	{
		name: "immediate is not there any more",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.publishRaw("q", immediate, "x")
			r.see(1)
		},
		want: "connection.close 540 NOT_IMPLEMENTED - immediate=true (basic.publish)",
	},
	{
		name: "a quorum queue confirms and keeps order as a classic one",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a", "b", "c")
			c.consume("q", consume{noAck: true}).take(3)
		},
		want: `
			got: a
			got: b
			got: c`,
	},
	{
		name: "a message published twice at once comes in order on one channel",
		do: func(c *client) {
			c.classic("q", nil)
			for i := range 100 {
				c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: fmt.Append(nil, i)}))
			}
			c.sync()
			k := c.consume("q", consume{noAck: true})
			for i := range 100 {
				if d := <-k.deliveries; string(d.Body) != strconv.Itoa(i) {
					c.notef("%d is %s", i, d.Body)
				}
			}
			c.notef("in order")
		},
		want: "in order",
	},
}
