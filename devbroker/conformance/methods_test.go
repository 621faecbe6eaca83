package conformance_test

var methodScenarios = []scenario{
	{
		name: "an unknown method breaks the connection",
		do: func(c *client) {
			for _, id := range []methodID{{60, 200}, {99, 10}, {10, 99}, {30, 10}, {70, 10}} {
				r := c.rawOpen(0)
				c.notef("method %d.%d:", id.class, id.method)
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
				c.notef("%d arguments:", len(args))
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
				c.notef("%q:", b)
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
