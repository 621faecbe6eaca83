package conformance_test

import (
	"fmt"
	"maps"
	"slices"
)

var handshakeScenarios = []scenario{
	{
		name: "the broker offers mechanisms and locales, then proposes its limits",
		do: func(c *client) {
			r := c.raw()
			r.hello()
			r.see(1)
			r.login("PLAIN", "\x00guest\x00guest")
			r.see(1)
			r.send(0, "connection.tune-ok", uint16(2047), uint32(131072), uint16(60))
			r.send(0, "connection.open", "/", "", uint8(0))
			r.see(1)
			r.send(0, "connection.close", uint16(200), "bye", uint16(0), uint16(0))
			r.see(1)
		},
		want: `
			connection.start 0-9, mechanisms ["AMQPLAIN" "ANONYMOUS" "PLAIN"], locales "en_US"
			connection.tune channel-max 2047, frame-max 131072, heartbeat 60
			connection.open-ok
			connection.close-ok`,
		differ: []difference{{
			versions: "3.10",
			want: `
				connection.start 0-9, mechanisms ["AMQPLAIN" "PLAIN"], locales "en_US"
				connection.tune channel-max 2047, frame-max 131072, heartbeat 60
				connection.open-ok
				connection.close-ok`,
			why: "ANONYMOUS came with 4.0",
		}},
	},
	{
		name: "the broker says what it is and what it can do",
		do: func(c *client) {
			c.notef("product=%v", c.conn.Properties["product"])
			capabilities, _ := c.conn.Properties["capabilities"].(table)
			c.headers(capabilities)
			c.notef("properties: %s", slices.Sorted(maps.Keys(c.conn.Properties)))
		},
		want: `
			product=RabbitMQ
			  authentication_failure_close=true
			  basic.nack=true
			  connection.blocked=true
			  consumer_cancel_notify=true
			  consumer_priorities=true
			  direct_reply_to=true
			  exchange_exchange_bindings=true
			  per_consumer_qos=true
			  publisher_confirms=true
			properties: [capabilities cluster_name copyright information platform product version]`,
	},
	{
		name: "a wrong protocol header is answered with a right one, and the connection is closed",
		do: func(c *client) {
			for _, header := range []string{
				"AMQP\x00\x00\x09\x02", "AMQP\x00\x00\x09\x00", "AMQP\x00\x00\x08\x00", "AMQP\x01\x01\x00\x0A",
				"AMQP\x05\x01\x00\x00", "HTTP/1.1", "GET / HTTP/1.1\r\n\r\n",
			} {
				r := c.raw()
				r.write([]byte(header))
				c.notef("%q: %q", header, r.answer(9))
			}
		},
		want: `
			"AMQP\x00\x00\t\x02": "AMQP\x00\x00\t\x01"
			"AMQP\x00\x00\t\x00": "AMQP\x00\x00\t\x01"
			"AMQP\x00\x00\b\x00": "AMQP\x03\x01\x00\x00"
			"AMQP\x01\x01\x00\n": "AMQP\x03\x01\x00\x00"
			"AMQP\x05\x01\x00\x00": "AMQP\x03\x01\x00\x00"
			"HTTP/1.1": "AMQP\x03\x01\x00\x00"
			"GET / HTTP/1.1\r\n\r\n": "AMQP\x03\x01\x00\x00"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				"AMQP\x00\x00\t\x02": "AMQP\x00\x00\t\x01"
				"AMQP\x00\x00\t\x00": "AMQP\x00\x00\t\x01"
				"AMQP\x00\x00\b\x00": "AMQP\x00\x00\t\x01"
				"AMQP\x01\x01\x00\n": "AMQP\x00\x00\t\x01"
				"AMQP\x05\x01\x00\x00": "AMQP\x00\x00\t\x01"
				"HTTP/1.1": "AMQP\x00\x00\t\x01"
				"GET / HTTP/1.1\r\n\r\n": "AMQP\x00\x00\t\x01"`,
			why: "4.x answers with the header of AMQP 1.0, which it speaks without a plugin",
		}},
	},
	{
		name: "the protocol headers of AMQP 0-8 and 0-9 are for old brokers",
		do: func(c *client) {
			for _, header := range []string{"AMQP\x01\x01\x00\x09", "AMQP\x01\x01\x09\x01", "AMQP\x01\x01\x08\x00"} {
				r := c.raw()
				r.write([]byte(header))
				c.notef("%q: %q", header, r.answer(3))
			}
		},
		want: `
			"AMQP\x01\x01\x00\t": "\x01\x00\x00"
			"AMQP\x01\x01\t\x01": "AMQ"
			"AMQP\x01\x01\b\x00": "AMQ"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				"AMQP\x01\x01\x00\t": "\x01\x00\x00"
				"AMQP\x01\x01\t\x01": "\x01\x00\x00"
				"AMQP\x01\x01\b\x00": "\x01\x00\x00"`,
			why: "4.x speaks no AMQP 0-8",
		}},
	},
	{
		name: "AMQP 1.0 is understood from 4.0 on",
		do: func(c *client) {
			for _, header := range []string{"AMQP\x00\x01\x00\x00", "AMQP\x03\x01\x00\x00"} {
				r := c.raw()
				r.write([]byte(header))
				c.notef("%q: %q", header, r.answer(8))
			}
		},
		want: `
			"AMQP\x00\x01\x00\x00": "AMQP\x03\x01\x00\x00"
			"AMQP\x03\x01\x00\x00": "AMQP\x03\x01\x00\x00"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				"AMQP\x00\x01\x00\x00": "AMQP\x00\x00\t\x01"
				"AMQP\x03\x01\x00\x00": "AMQP\x00\x00\t\x01"`,
			why: "AMQP 1.0 is a plugin in 3.10",
		}},
	},
	{
		name: "limits above those proposed, and too small a frame, are cut off without a word",
		do: func(c *client) {
			var turns []turn
			for _, l := range []struct {
				channels uint16
				frame    uint32
			}{{1, 131072}, {2048, 131072}, {0, 131072}, {1, 8192}, {1, 4096}, {1, 4095}, {1, 0}, {1, 131073}} {
				turns = append(turns, turn{fmt.Sprintf("%d channels, frames of %d", l.channels, l.frame), func() *raw {
					r := c.rawTuning()
					r.send(0, "connection.tune-ok", l.channels, l.frame, uint16(0))
					r.send(0, "connection.open", "/", "", uint8(0))
					return r
				}})
			}
			c.abreast(1, turns...)
		},
		want: `
			1 channels, frames of 131072: connection.open-ok
			2048 channels, frames of 131072: disconnected
			0 channels, frames of 131072: disconnected
			1 channels, frames of 8192: connection.open-ok
			1 channels, frames of 4096: disconnected
			1 channels, frames of 4095: disconnected
			1 channels, frames of 0: disconnected
			1 channels, frames of 131073: disconnected`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				1 channels, frames of 131072: connection.open-ok
				2048 channels, frames of 131072: disconnected
				0 channels, frames of 131072: disconnected
				1 channels, frames of 8192: connection.open-ok
				1 channels, frames of 4096: connection.open-ok
				1 channels, frames of 4095: disconnected
				1 channels, frames of 0: disconnected
				1 channels, frames of 131073: disconnected`,
			why: "the smallest frame is 4096 bytes, and 8192 from 4.1 on",
		}},
	},
	{
		name: "a method out of turn in the handshake ends the connection without an answer",
		do: func(c *client) {
			open := func(r *raw) *raw { r.send(0, "connection.open", "/", "", uint8(0)); return r }
			tune := func(r *raw) *raw { r.send(0, "connection.tune-ok", uint16(1), uint32(8192), uint16(0)); return r }
			channel := func(r *raw) *raw { r.send(1, "channel.open", ""); return r }
			c.abreast(1,
				turn{"connection.open for start-ok", func() *raw { return open(c.rawStarted()) }},
				turn{"connection.tune-ok for start-ok", func() *raw { return tune(c.rawStarted()) }},
				turn{"channel.open for start-ok", func() *raw { return channel(c.rawStarted()) }},
				turn{"connection.open for tune-ok", func() *raw { return open(c.rawTuning()) }},
				turn{"channel.open for connection.open", func() *raw { return channel(tune(c.rawTuning())) }},
				turn{"a second connection.open", func() *raw { return open(c.rawOpen(0)) }},
			)
		},
		want: `
			connection.open for start-ok: disconnected
			connection.tune-ok for start-ok: disconnected
			channel.open for start-ok: disconnected
			connection.open for tune-ok: disconnected
			channel.open for connection.open: connection.close 505 UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>> (method 0.0)
			a second connection.open: connection.close 504 CHANNEL_ERROR - unexpected method in connection state running (connection.open)`,
	},
	{
		name: "the first frames are limited to what a token needs",
		do: func(c *client) {
			var turns []turn
			for _, size := range []int{3000, 5000, 9000} {
				turns = append(turns, turn{fmt.Sprintf("start-ok with %d bytes", size), func() *raw {
					r := c.rawStarted()
					product := table{"product": string(make([]byte, size))}
					r.send(0, "connection.start-ok", product, "PLAIN", []byte("\x00guest\x00guest"), "en_US")
					return r
				}})
			}
			c.abreast(1, turns...)
		},
		want: `
			start-ok with 3000 bytes: connection.tune channel-max 2047, frame-max 131072, heartbeat 60
			start-ok with 5000 bytes: connection.tune channel-max 2047, frame-max 131072, heartbeat 60
			start-ok with 9000 bytes: disconnected`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				start-ok with 3000 bytes: connection.tune channel-max 2047, frame-max 131072, heartbeat 60
				start-ok with 5000 bytes: disconnected
				start-ok with 9000 bytes: disconnected`,
			why: "the first frames may have 4096 bytes, and 8192 from 4.1 on",
		}},
	},
	{
		name: "heartbeats come within the agreed interval, and a silent client is dropped",
		do: func(c *client) {
			r := c.rawOpen(1)
			kind, channel, payload, _ := r.read(patience)
			c.notef("%s", describe(kind, channel, payload))
			r.see(1)
		},
		want: `
			heartbeat
			disconnected`,
	},
}
