package conformance_test

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Bits of basic.publish.
const (
	mandatory = uint8(1)
	immediate = uint8(2)
)

// publishRaw publishes with those bits, through the default exchange.
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
			r.publish(1, "q", "before") // does not count
			r.send(1, "confirm.select", uint8(0))
			r.see(1)
			for range 2 {
				r.publish(1, "q", "x")
				r.see(1)
			}
			r.send(1, "confirm.select", uint8(0)) // again, and the count goes on
			r.see(1)
			r.publish(1, "q", "x")
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
			r.publish(1, "missing", "x")
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
				Priority: 3, Expiration: "1000", MessageId: "id", Body: []byte("body"),
			}))
			r := <-returns
			c.note("%d %s, exchange %s, key %s", r.ReplyCode, r.ReplyText, r.Exchange, r.RoutingKey)
			c.note("priority %d, expiration %s, id %s", r.Priority, r.Expiration, r.MessageId)
			c.headers(r.Headers)
		},
		want: `
			312 NO_ROUTE, exchange x, key k
			priority 3, expiration 1000, id id
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
			c.note("%d returned", len(returns))
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
		name: "the user-id must be the user's own",
		do: func(c *client) {
			c.classic("q", nil)
			c.send("", c.at("q"), "own", amqp.Publishing{UserId: "guest"})
			c.send("", c.at("q"), "other", amqp.Publishing{UserId: "somebody"})
			c.show(c.get("q"))
		},
		want: `
			publish other: channel closed, 406 PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'
			get: own
			  exchange="" key="q"
			  user-id="guest"`,
	},
	{
		name: "an expiration is a number from 0, as text",
		do: func(c *client) {
			c.classic("q", nil)
			for _, e := range []string{"1000", "+1000", "-1", "1.5", "abc", " 1", "1 ", "315360000000", "315360000001"} {
				c.note("%q:", e)
				c.send("", c.at("q"), "x", amqp.Publishing{Expiration: e})
			}
		},
		want: `
			"1000":
			"+1000":
			"-1":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}
			"1.5":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration '1.5': {leftover_string,".5"}
			"abc":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer
			" 1":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration ' 1': no_integer
			"1 ":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration '1 ': {leftover_string," "}
			"315360000000":
			"315360000001":
			publish x: channel closed, 406 PRECONDITION_FAILED - invalid expiration '315360000001': {value_too_large,315360000001}`,
	},
	{
		name: "all properties come as they went",
		do: func(c *client) {
			c.classic("q", nil)
			c.send("", c.at("q"), "body", amqp.Publishing{
				ContentType: "text/plain", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 7, CorrelationId: "correlation",
				ReplyTo: "reply", Expiration: "60000", MessageId: "id", Timestamp: time.Unix(1700000000, 0), Type: "type",
				UserId: "guest", AppId: "app",
			})
			c.show(c.get("q"))
		},
		want: `
			get: body
			  exchange="" key="q"
			  content-type="text/plain" content-encoding="gzip" delivery-mode=uint8(2) priority=uint8(7) correlation-id="correlation" reply-to="reply" expiration="60000" message-id="id" timestamp=2023-11-14T22:13:20Z type="type" user-id="guest" app-id="app"`,
	},
	{
		name: "all types of header fields come as they went",
		do: func(c *client) {
			c.classic("q", nil)
			c.send("", c.at("q"), "body", amqp.Publishing{Headers: table{
				"bool": true, "int8": int8(-8), "uint8": uint8(200), "int16": int16(-16), "uint16": uint16(60000), "int32": int32(-32), "uint32": uint32(4000000000), "int64": int64(-64),
				"float32": float32(1.5), "float64": 2.5, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "string": "ünicode", "empty": "",
				"bytes": []byte{0, 255}, "time": time.Unix(1700000000, 0), "nothing": nil,
				"array": []any{int32(1), "two", table{"three": int64(3)}, []any{}}, "table": table{"nested": table{"deep": true}}, "no fields": table{},
			}})
			c.show(c.get("q"))
		},
		want: `
			get: body
			  exchange="" key="q"
			  array=[int32(1) "two" {three=int64(3)} []]
			  bool=true
			  bytes=bytes("\x00\xff")
			  decimal=decimal(314, scale 2)
			  empty=""
			  float32=float32(1.5)
			  float64=float64(2.5)
			  int16=int16(-16)
			  int32=int32(-32)
			  int64=int64(-64)
			  int8=int8(-8)
			  no fields={}
			  nothing=<nil>
			  string="ünicode"
			  table={nested={deep=true}}
			  time=2023-11-14T22:13:20Z
			  uint16=uint16(60000)
			  uint32=uint32(4000000000)
			  uint8=uint8(200)`,
	},
	{
		name: "a delivery mode that is neither 1 nor 2",
		do: func(c *client) {
			c.classic("q", nil)
			for _, mode := range []uint8{0, 1, 2, 3} {
				c.send("", c.at("q"), fmt.Sprint(mode), amqp.Publishing{DeliveryMode: mode})
				c.show(c.get("q"))
			}
		},
		want: `
			get: 0
			  exchange="" key="q"
			get: 1
			  exchange="" key="q"
			  delivery-mode=uint8(1)
			get: 2
			  exchange="" key="q"
			  delivery-mode=uint8(2)
			get: 3
			  exchange="" key="q"
			  delivery-mode=uint8(3)`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: 0
				  exchange="" key="q"
				get: 1
				  exchange="" key="q"
				  delivery-mode=uint8(1)
				get: 2
				  exchange="" key="q"
				  delivery-mode=uint8(2)
				publish 3: channel closed, 406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}
				get: empty
				  exchange="" key=""`,
			why: "3.10 looks at it, later brokers take all but 2 for transient",
		}},
	},
	{
		name: "a message of a megabyte comes whole, and so does an empty one",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind}})
				body := strings.Repeat("0123456789abcdef", 1<<16)
				c.publish(kind, body, "")
				d := c.get(kind)
				c.note("the same: %v", string(d.Body) == body)
				c.note("empty: %d", len(c.get(kind).Body))
			}
		},
		want: `
			get: 1048576 bytes
			the same: true
			get: 
			empty: 0
			get: 1048576 bytes
			the same: true
			get: 
			empty: 0`,
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
				if d := <-k.deliveries; string(d.Body) != fmt.Sprint(i) {
					c.note("%d is %s", i, d.Body)
				}
			}
			c.note("in order")
		},
		want: "in order",
	},
}

var txScenarios = []scenario{
	{
		name: "what is published in a transaction is seen when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.fail("select", c.Tx())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			c.open().get("q")
			c.fail("commit", c.TxCommit())
			c.open().get("q")
		},
		want: `
			get: empty
			get: a`,
	},
	{
		name: "what is published in a transaction is gone when it is rolled back",
		do: func(c *client) {
			c.classic("q", nil)
			c.fail("select", c.Tx())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			c.fail("rollback", c.TxRollback())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("b")}))
			c.fail("commit", c.TxCommit())
			c.open().get("q")
			c.holds("q", 0)
		},
		want: `
			get: b
			q holds 0`,
	},
	{
		name: "an ack in a transaction counts when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			ch.fail("select", ch.Tx())
			ch.get("q")
			ch.get("q")
			ch.ack(1)
			ch.fail("rollback", ch.TxRollback())
			ch.ack(1) // as if it had never been
			ch.fail("commit", ch.TxCommit())
			ch.fail("close", ch.Close())
			c.holds("q", 1)
			c.get("q")
		},
		want: `
			get: a
			get: b
			q holds 1
			get: b, redelivered`,
	},
	{
		name: "a nack in a transaction requeues when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.fail("select", c.Tx())
			c.get("q")
			c.nack(1, requeue)
			c.holds("q", 0)
			c.fail("commit", c.TxCommit())
			c.holds("q", 1)
		},
		want: `
			get: a
			q holds 0
			q holds 1`,
	},
	{
		name: "a transaction ends with its channel, uncommitted",
		do: func(c *client) {
			c.classic("q", nil)
			ch := c.open()
			ch.fail("select", ch.Tx())
			ch.fail("publish", ch.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			ch.fail("close", ch.Close())
			c.get("q")
		},
		want: "get: empty",
	},
	{
		name: "transactions and confirms do not go together, nor does one without select",
		do: func(c *client) {
			c.attempt("confirm after tx", func(ch *channel) {
				ch.fail("", ch.Tx())
				ch.fail("", ch.Confirm(false))
			})
			c.attempt("tx after confirm", func(ch *channel) {
				ch.fail("", ch.Confirm(false))
				ch.fail("", ch.Tx())
			})
			c.attempt("commit without select", func(ch *channel) { ch.fail("", ch.TxCommit()) })
			c.attempt("rollback without select", func(ch *channel) { ch.fail("", ch.TxRollback()) })
			c.attempt("select twice", func(ch *channel) {
				ch.fail("", ch.Tx())
				ch.fail("", ch.Tx())
			})
		},
		want: `
			confirm after tx: channel closed, 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode
			tx after confirm: channel closed, 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode
			commit without select: channel closed, 406 PRECONDITION_FAILED - channel is not transactional
			rollback without select: channel closed, 406 PRECONDITION_FAILED - channel is not transactional
			select twice: ok`,
	},
	{
		name: "a mandatory message comes back when the transaction is committed",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.publishRaw("missing", mandatory, "x")
			r.seeNone()
			r.send(1, "tx.commit")
			r.see(4)
		},
		want: `
			channel 1: tx.select-ok
			nothing comes
			channel 1: basic.return 312 NO_ROUTE, exchange "", key "missing"
			channel 1: header of 1 bytes
			channel 1: body "x"
			channel 1: tx.commit-ok`,
	},
	{
		name: "a fault in a transaction closes the channel at once",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.send(1, "basic.publish", uint16(0), r.at("missing"), "k", uint8(0))
			r.header(1, 0)
			r.see(1)
		},
		want: `
			channel 1: tx.select-ok
			channel 1: channel.close 404 NOT_FOUND - no exchange 'missing' in vhost '/' (basic.publish)`,
	},
	{
		name: "an unknown tag in a transaction",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.send(1, "basic.ack", uint64(7), uint8(0))
			r.send(1, "tx.commit")
			r.see(1)
		},
		want: `
			channel 1: tx.select-ok
			channel 1: channel.close 406 PRECONDITION_FAILED - unknown delivery tag 7 (basic.ack)`,
	},
}
