package conformance_test

var frameScenarios = []scenario{
	{
		name: "a frame of an unknown type breaks the connection",
		do: func(c *client) {
			for _, kind := range []byte{4, 9, 255} {
				r := c.rawOpen(0)
				r.frame(kind, 1, []byte("x"))
				r.see(1)
			}
		},
		want: `
			connection.close 501 FRAME_ERROR - type 4, all octets = <<"x">>: unknown_frame (method 0.0)
			connection.close 501 FRAME_ERROR - type 9, all octets = <<"x">>: unknown_frame (method 0.0)
			connection.close 501 FRAME_ERROR - type 255, all octets = <<"x">>: unknown_frame (method 0.0)`,
	},
	{
		name: "a frame that does not end as it must breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.write([]byte{methodFrame, 0, 1, 0, 0, 0, 4, 0, 60, 0, 10, 0xCF})
			r.see(1)
		},
		want: `
			connection.close 501 FRAME_ERROR - type 1, all octets = <<0,60,0,10>>: {invalid_frame_end_marker,207} (method 0.0)`,
	},
	{
		name: "a frame above the agreed size breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.publish", uint16(0), "", "nowhere", uint8(0))
			r.header(1, 400000)
			r.frame(bodyFrame, 1, make([]byte, 131072-8))
			r.frame(bodyFrame, 1, make([]byte, 131072+8))
			r.see(1)
		},
		want: `
			connection.close 501 FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131080,131064} (method 0.0)`,
	},
	{
		name: "a method on a channel that is not open breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(2, "tx.select")
			r.see(1)
		},
		want: "connection.close 504 CHANNEL_ERROR - expected 'channel.open' (tx.select)",
	},
	{
		name: "opening an open channel breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "channel.open", "")
			r.see(1)
		},
		want: "connection.close 504 CHANNEL_ERROR - second 'channel.open' seen (channel.open)",
	},
	{
		name: "a channel above the agreed number breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(2048, "channel.open", "")
			r.see(1)
		},
		want: "channel 2048: channel.open-ok",
	},
	{
		name: "one channel too many breaks the connection",
		do: func(c *client) {
			r := c.rawTuning()
			r.send(0, "connection.tune-ok", uint16(2), uint32(131072), uint16(0))
			r.send(0, "connection.open", "/", "", uint8(0))
			r.skip("connection.open-ok")
			for channel := range uint16(3) {
				r.send(channel+1, "channel.open", "")
				r.see(1)
			}
		},
		want: `
			channel 1: channel.open-ok
			channel 2: channel.open-ok
			connection.close 530 NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2) (method 0.0)`,
	},
	{
		name: "a closed channel's number can be used again",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "channel.close", uint16(200), "", uint16(0), uint16(0))
			r.see(1)
			r.send(1, "channel.open", "")
			r.see(1)
		},
		want: `
			channel 1: channel.close-ok
			channel 1: channel.open-ok`,
	},
	{
		name: "after an error a channel ignores everything until the client has agreed",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), "amq.mine", uint8(0), table{})
			r.see(1)
			r.send(1, "tx.select")
			r.publish(1, "nowhere", "x")
			r.send(1, "channel.close-ok")
			r.send(1, "channel.open", "")
			r.see(1)
		},
		want: `
			channel 1: channel.close 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*' (queue.declare)
			channel 1: channel.open-ok`,
	},
	{
		name: "a channel that closes itself after an error is answered",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), "amq.mine", uint8(0), table{})
			r.see(1)
			r.send(1, "channel.close", uint16(200), "", uint16(0), uint16(0))
			r.see(1)
			r.send(1, "channel.close-ok")
			r.send(1, "channel.open", "")
			r.see(1)
		},
		want: `
			channel 1: channel.close 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*' (queue.declare)
			channel 1: channel.close-ok
			channel 1: channel.open-ok`,
	},
	{
		name: "closing a channel that is not open breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(2, "channel.close", uint16(200), "", uint16(0), uint16(0))
			r.see(1)
		},
		want: "connection.close 504 CHANNEL_ERROR - expected 'channel.open' (channel.close)",
	},
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
			r.publish(1, "q", "")
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(1))
			r.see(2)
			r.seeNone()
			r.publish(1, "q", "")
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
					c.note("%s", ending(err))
					return
				}
				c.note("body of %d bytes", len(body))
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
		name: "an unknown method breaks the connection",
		do: func(c *client) {
			for _, id := range []methodID{{60, 200}, {99, 10}, {10, 99}, {30, 10}, {70, 10}} {
				r := c.rawOpen(0)
				c.note("method %d.%d:", id.class, id.method)
				r.sendID(1, id)
				r.see(1)
			}
		},
		want: `
			method 60.200:
			connection.close 501 FRAME_ERROR - cannot decode <<>> (method 60.200)
			method 99.10:
			disconnected
			method 10.99:
			disconnected
			method 30.10:
			connection.close 501 FRAME_ERROR - cannot decode <<>> (access.request)
			method 70.10:
			disconnected`,
	},
	{
		name: "a method that only a broker may send breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "basic.deliver", "tag", uint64(1), uint8(0), "", "key")
			r.header(1, 0)
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "queue.declare-ok", "q", uint32(0), uint32(0))
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "basic.get-empty", "")
			r.see(1)
		},
		want: `
			connection.close 503 COMMAND_INVALID - unimplemented method (basic.deliver)
			connection.close 503 COMMAND_INVALID - unimplemented method (queue.declare-ok)
			connection.close 503 COMMAND_INVALID - unimplemented method (basic.get-empty)`,
	},
	{
		name: "a method that is cut short breaks the connection",
		do: func(c *client) {
			for _, args := range [][]any{{}, {uint16(0)}, {uint16(0), "q"}, {uint16(0), "q", uint8(0)}} {
				r := c.rawOpen(0)
				r.send(1, "queue.declare", args...)
				c.note("%d arguments:", len(args))
				r.see(1)
			}
			r := c.rawOpen(0)
			r.frame(methodFrame, 1, []byte{0, 50, 0})
			r.see(1)
		},
		want: `
			0 arguments:
			connection.close 501 FRAME_ERROR - cannot decode <<>> (queue.declare)
			1 arguments:
			connection.close 501 FRAME_ERROR - cannot decode <<0,0>> (queue.declare)
			2 arguments:
			connection.close 501 FRAME_ERROR - cannot decode <<0,0,1,113>> (queue.declare)
			3 arguments:
			connection.close 501 FRAME_ERROR - cannot decode <<0,0,1,113,0>> (queue.declare)
			connection.close 501 FRAME_ERROR - type 1, all octets = <<0,50,0>>: unknown_frame (method 0.0)`,
	},
	{
		name: "bytes after a method's arguments break the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select", uint32(0))
			r.see(1)
			r = c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), "amq.mine", uint8(0), table{}, uint8(0))
			r.see(1)
		},
		want: `
			connection.close 501 FRAME_ERROR - cannot decode <<0,0,0,0>> (tx.select)
			connection.close 501 FRAME_ERROR - cannot decode <<0,0,8,97,109,113,46,109,105,110,101,0,0,0,0,0,0>> (queue.declare)`,
	},
	{
		name: "a broken table breaks the connection",
		do: func(c *client) {
			for _, b := range [][]byte{{1}, {3, 'a', 'b'}, {1, 'a', '?', 0}, {1, 'a', 'S', 0, 0, 1, 0, 'x'}, {1, 'a', 'F', 0, 0, 0, 9}} {
				r := c.rawOpen(0)
				r.send(1, "queue.declare", uint16(0), "q", uint8(0), b)
				c.note("%q:", b)
				r.see(1)
			}
		},
		want: `
			"\x01":
			disconnected
			"\x03ab":
			disconnected
			"\x01a?\x00":
			disconnected
			"\x01aS\x00\x00\x01\x00x":
			disconnected
			"\x01aF\x00\x00\x00\t":
			disconnected`,
	},
	{
		name: "channel 0 is for the connection alone",
		do: func(c *client) {
			for _, do := range []func(r *raw){
				func(r *raw) { r.send(0, "channel.open", "") },
				func(r *raw) { r.send(0, "queue.declare", uint16(0), "q", uint8(0), table{}) },
				func(r *raw) { r.send(0, "channel.close", uint16(200), "", uint16(0), uint16(0)) },
				func(r *raw) { r.header(0, 1) },
				func(r *raw) { r.frame(bodyFrame, 0, []byte("x")) },
			} {
				r := c.rawOpen(0)
				do(r)
				r.see(1)
			}
		},
		want: `
			connection.close 504 CHANNEL_ERROR - unexpected method in connection state running (channel.open)
			connection.close 504 CHANNEL_ERROR - unexpected method in connection state running (queue.declare)
			connection.close 504 CHANNEL_ERROR - unexpected method in connection state running (channel.close)
			connection.close 505 UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,1,0,0>> (method 0.0)
			connection.close 505 UNEXPECTED_FRAME - type 3, all octets = <<"x">> (method 0.0)`,
	},
	{
		name: "methods of the connection are for channel 0 alone",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "connection.close", uint16(200), "", uint16(0), uint16(0))
			r.see(1)
			r = c.rawOpen(0)
			r.send(2, "connection.close", uint16(200), "", uint16(0), uint16(0))
			r.see(1)
		},
		want: `
			connection.close 503 COMMAND_INVALID - unimplemented method (connection.close)
			connection.close 504 CHANNEL_ERROR - expected 'channel.open' (connection.close)`,
	},
	{
		name: "after an error the connection waits for close-ok, then ends",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.frame(9, 0, nil)
			r.see(1)
			r.send(1, "tx.select")
			r.seeNone()
			r.send(0, "connection.close-ok")
			r.see(1)
		},
		want: `
			connection.close 501 FRAME_ERROR - type 9, all octets = <<>>: unknown_frame (method 0.0)
			nothing comes
			disconnected`,
	},
	{
		name: "a heartbeat is for channel 0",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.frame(heartbeatFrame, 0, nil)
			r.send(1, "tx.select")
			r.see(1)
			r.frame(heartbeatFrame, 0, []byte("x"))
			r.see(1)
			r = c.rawOpen(0)
			r.frame(heartbeatFrame, 1, nil)
			r.see(1)
		},
		want: `
			channel 1: tx.select-ok
			connection.close 501 FRAME_ERROR - type 8, all octets = <<"x">>: unknown_frame (method 0.0)
			connection.close 505 UNEXPECTED_FRAME - type 8, all octets = <<>> (method 0.0)`,
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
	{
		name: "what a client may not ask for is not implemented",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "channel.flow", uint8(1))
			r.see(1)
			r.send(1, "channel.flow", uint8(0))
			r.see(1)
		},
		want: `
			channel 1: channel.flow-ok active=1
			connection.close 540 NOT_IMPLEMENTED - active=false (channel.flow)`,
	},
}
