package conformance_test

var contentScenarios = []scenario{
	{
		name: "content where a method is due breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.header(1, 1)
			r.see(1)
			r = c.rawOpen(0)
			r.frame(bodyFrame, 1, []byte("x"))
			r.see(1)
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead (method 0.0)
			connection.close 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead (method 0.0)`,
	},
	{
		name: "a body without a header breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.frame(bodyFrame, 1, []byte("x"))
			r.see(1)
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)`,
	},
	{
		name: "a method where content is due breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.send(1, "tx.select")
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.header(1, 5)
			r.send(1, "tx.select")
			r.see(1)
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)
			connection.close 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead (basic.publish)`,
	},
	{
		name: "each method where a content header is due breaks the connection",
		do: func(c *client) {
			for _, method := range []string{"tx.select", "channel.close-ok", "channel.open", "channel.close", "basic.publish"} {
				r := c.rawOpen(0)
				r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
				switch method {
				case "channel.open":
					r.send(1, method, "")
				case "channel.close":
					r.send(1, method, uint16(200), "", uint16(0), uint16(0))
				case "basic.publish":
					r.send(1, method, uint16(0), "", "nowhere", uint8(0))
				default:
					r.send(1, method)
				}
				r.see(1)
			}
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)`,
	},
	{
		name: "a content header that is cut short, or has a weight, breaks the connection",
		do: func(c *client) {
			for _, header := range [][]byte{{0, 60}, {0, 60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
				r := c.rawOpen(0)
				r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
				r.frame(headerFrame, 1, header)
				r.see(1)
			}
		},
		want: `
			connection.close 501 FRAME_ERROR - type 2, all octets = <<0,60>>: unknown_frame (method 0.0)
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead (basic.publish)`,
	},
	{
		name: "contents of two channels may be interleaved, and arrive as they are complete",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(2, "channel.open", "")
			r.skip("channel.open-ok")
			for _, channel := range []uint16{1, 2} {
				r.send(channel, "basic.publish", uint16(0), "", r.at("q"), uint8(0))
				r.header(channel, 4)
			}
			r.frame(bodyFrame, 1, []byte("on"))
			r.frame(bodyFrame, 2, []byte("two!"))
			r.send(2, "tx.select")
			r.skip("tx.select-ok")
			r.frame(bodyFrame, 1, []byte("e!"))
			r.send(1, "tx.select")
			r.skip("tx.select-ok")
			c.get("q")
			c.get("q")
		},
		want: `
			get: two!
			get: one!`,
	},
	{
		name: "a second header where the body is due breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.header(1, 5)
			r.header(1, 5)
			r.see(1)
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead (basic.publish)`,
	},
	{
		name: "a header of another class breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.frame(headerFrame, 1, []byte{0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0})
			r.see(1)
		},
		want: `
			connection.close 505 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead (basic.publish)`,
	},
	{
		name: "a body longer than announced breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), r.at("q"), uint8(2), table{})
			r.skip("queue.declare-ok")
			r.send(1, "basic.publish", uint16(0), "", r.at("q"), uint8(0))
			r.header(1, 3)
			r.frame(bodyFrame, 1, []byte("longer"))
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(1))
			r.see(1)
		},
		want: `
			connection.close 501 FRAME_ERROR - content body frame exceeds remaining content size (basic.publish)`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				connection.close 505 UNEXPECTED_FRAME - expected content body, got non content body frame instead (basic.publish)`,
			why: "4.3 looks at the frame that is too long, the others at the frame after it",
		}},
	},
	{
		name: "a body in many frames, empty ones among them, is one message",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), r.at("q"), uint8(2), table{})
			r.skip("queue.declare-ok")
			r.send(1, "basic.publish", uint16(0), "", r.at("q"), uint8(0))
			r.header(1, 4)
			for _, part := range []string{"a", "", "bc", "d"} {
				r.frame(bodyFrame, 1, []byte(part))
			}
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(1))
			r.see(3)
		},
		want: `
			channel 1: basic.get-ok tag 1, redelivered=0, exchange "", key "q", 0 more
			channel 1: header of 4 bytes
			channel 1: body "abcd"`,
	},
	{
		name: "an empty body has no frame, and must not have one",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), r.at("q"), uint8(2), table{})
			r.skip("queue.declare-ok")
			r.publish("q", "")
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(1))
			r.see(2)
			r.seeNone()
			r.publish("q", "")
			r.frame(bodyFrame, 1, nil)
			r.see(1)
		},
		want: `
			channel 1: basic.get-ok tag 1, redelivered=0, exchange "", key "q", 0 more
			channel 1: header of 0 bytes
			nothing comes
			connection.close 505 UNEXPECTED_FRAME - expected method frame, got non method frame instead (method 0.0)`,
	},
	{
		name: "a large message comes in frames of the agreed size",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", string(make([]byte, 20000)))
			r := c.rawTuning()
			r.send(0, "connection.tune-ok", uint16(1), uint32(8192), uint16(0))
			r.send(0, "connection.open", "/", "", uint8(0))
			r.skip("connection.open-ok")
			r.send(1, "channel.open", "")
			r.skip("channel.open-ok")
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(1))
			r.see(2)
			for left := 20000; left > 0; {
				_, _, body, err := r.read(patience)
				if err != nil {
					c.notef("%s", ending(err))
					return
				}
				c.notef("body of %d bytes", len(body))
				left -= len(body)
			}
		},
		want: `
			channel 1: basic.get-ok tag 1, redelivered=0, exchange "", key "q", 0 more
			channel 1: header of 20000 bytes
			body of 8184 bytes
			body of 8184 bytes
			body of 3632 bytes`,
	},
	{
		name: "a message above the limit closes the channel",
		do: func(c *client) {
			const size = 17 << 20
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.header(1, size)
			for range size / (64 << 10) {
				r.frame(bodyFrame, 1, make([]byte, 64<<10))
			}
			r.send(1, "basic.recover", uint8(1))
			r.see(1)
		},
		want: `
			channel 1: channel.close 406 PRECONDITION_FAILED - message size 17825792 is larger than configured max size 16777216 (basic.publish)`,
		differ: []difference{{
			versions: "3.10",
			want:     "channel 1: basic.recover-ok",
			why:      "the limit is 128 MiB, and 16 MiB from 4.0 on",
		}},
	},
}
