package conformance_test

import (
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var propertyScenarios = []scenario{
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
				c.notef("%q:", e)
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
				c.send("", c.at("q"), value(mode), amqp.Publishing{DeliveryMode: mode})
				c.show(c.get("q"))
			}
		},
		want: `
			get: uint8(0)
			  exchange="" key="q"
			get: uint8(1)
			  exchange="" key="q"
			  delivery-mode=uint8(1)
			get: uint8(2)
			  exchange="" key="q"
			  delivery-mode=uint8(2)
			get: uint8(3)
			  exchange="" key="q"
			  delivery-mode=uint8(3)`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: uint8(0)
				  exchange="" key="q"
				get: uint8(1)
				  exchange="" key="q"
				  delivery-mode=uint8(1)
				get: uint8(2)
				  exchange="" key="q"
				  delivery-mode=uint8(2)
				publish uint8(3): channel closed, 406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}
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
				c.notef("the same: %v", string(d.Body) == body)
				c.notef("empty: %d", len(c.get(kind).Body))
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
}
