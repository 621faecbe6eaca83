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
		name: "opening a channel that waits for close-ok breaks the connection",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.declare", uint16(0), "amq.mine", uint8(0), table{})
			r.see(1)
			r.send(1, "channel.open", "")
			r.see(1)
		},
		want: `
			channel 1: channel.close 403 ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*' (queue.declare)
			connection.close 504 CHANNEL_ERROR - second 'channel.open' seen (channel.open)`,
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
			r.publish("nowhere", "x")
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
}
