package conformance_test

// Bits of the no-wait flag in each method.
const (
	noAnswer                 = uint8(1)      // of most methods
	noAnswerToDeclare        = uint8(1 << 4) // of queue.declare and exchange.declare
	noAnswerToDelete         = uint8(1 << 2) // of queue.delete
	noAnswerToDeleteExchange = uint8(1 << 1)
	noAnswerToConsume        = uint8(1 << 3)
	passive                  = uint8(1)
	durable                  = uint8(1 << 1)
)

var noWaitScenarios = []scenario{
	{
		name: "what is declared and bound without an answer is there all the same",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "exchange.declare", uint16(0), r.at("x"), "fanout", durable|noAnswerToDeclare, table{})
			r.send(1, "exchange.declare", uint16(0), r.at("y"), "fanout", durable|noAnswerToDeclare, table{})
			r.send(1, "exchange.bind", uint16(0), r.at("y"), r.at("x"), "", noAnswer, table{})
			r.send(1, "queue.declare", uint16(0), r.at("q"), durable|noAnswerToDeclare, table{})
			r.send(1, "queue.bind", uint16(0), r.at("q"), r.at("y"), "", noAnswer, table{})
			r.send(1, "confirm.select", noAnswer)
			r.send(1, "basic.publish", uint16(0), r.at("x"), "", uint8(0))
			r.header(1, 1)
			r.frame(bodyFrame, 1, []byte("m"))
			r.see(1)
			r.send(1, "basic.consume", uint16(0), r.at("q"), "k", noAnswerToConsume, table{})
			r.see(3)
			r.send(1, "basic.cancel", "k", noAnswer)
			r.send(1, "queue.purge", uint16(0), r.at("q"), noAnswer)
			r.send(1, "exchange.unbind", uint16(0), r.at("y"), r.at("x"), "", noAnswer, table{})
			r.send(1, "exchange.delete", uint16(0), r.at("x"), noAnswerToDeleteExchange)
			r.send(1, "queue.delete", uint16(0), r.at("q"), noAnswerToDelete)
			r.send(1, "queue.declare", uint16(0), r.at("q"), passive, table{})
			r.see(1)
		},
		want: `
			channel 1: basic.ack tag 1, multiple=0
			channel 1: basic.deliver to k, tag 1, redelivered=0, exchange "x", key ""
			channel 1: header of 1 bytes
			channel 1: body "m"
			channel 1: channel.close 404 NOT_FOUND - no queue 'q' in vhost '/' (queue.declare)`,
	},
	{
		name: "a fault is told, answer or not",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "queue.bind", uint16(0), r.at("missing"), "amq.direct", "", noAnswer, table{})
			r.see(1)
		},
		want: "channel 1: channel.close 404 NOT_FOUND - no queue 'missing' in vhost '/' (queue.bind)",
	},
	{
		name: "a consumer that asks for no answer needs a tag of its own",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(1, "basic.consume", uint16(0), r.at("q"), "", noAnswerToConsume, table{})
			r.publish("q", "m")
			r.skip("basic.deliver")
			c.notef("delivered")
		},
		want: "delivered",
	},
}
