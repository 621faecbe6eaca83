package conformance_test

import amqp "github.com/rabbitmq/amqp091-go"

// randomScenarios contains the differences found by the random sequences of
// devbroker/differential.
var randomScenarios = []scenario{
	{
		name: "a consumer tag in use is refused before the queue is looked for",
		do: func(c *client) {
			c.classic("q", nil)
			r := c.rawOpen(0)
			r.send(1, "basic.consume", uint16(0), r.at("q"), "tag", uint8(0), table{})
			r.see(1)
			r.send(1, "basic.consume", uint16(0), r.at("missing"), "tag", uint8(0), table{})
			r.see(1)
		},
		want: `
			channel 1: basic.consume-ok tag
			connection.close 530 NOT_ALLOWED - attempt to reuse consumer tag 'tag' (basic.consume)`,
	},
	{
		name: "a quorum queue with a single active consumer refuses basic.get",
		do: func(c *client) {
			c.quorum("q", table{"x-single-active-consumer": true})
			r := c.rawOpen(0)
			r.send(1, "basic.get", uint16(0), r.at("q"), uint8(0))
			r.see(1)
		},
		want: `
			channel 1: channel.close 405 RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not supported by <<"quorum">> queues with single active consumer (basic.get)`,
		differ: []difference{{
			versions: "3.10 4.0",
			want: `
				channel 1: channel.close 405 RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not supported by quorum queues with single active consumer (basic.get)`,
			why: "4.3 prints the kind of the queue as a binary",
		}},
	},
	{
		name: "a message that basic.get holds counts as a consumer of a quorum queue",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a", "b")
			c.get("q")
			c.get("q")
			c.sync()
			q, err := c.QueueDeclarePassive(c.at("q"), true, false, false, false, nil)
			c.fail("look", err)
			c.notef("%d consumers", q.Consumers)
		},
		want: `
			get: a
			get: b
			2 consumers`,
	},
	{
		name: "a cancelled consumer of a quorum queue counts while it holds a message",
		do: func(c *client) {
			c.quorum("q", nil)
			c.publish("q", "a")
			c.consume("q", consume{tag: "tag"}).take(1)
			c.fail("cancel", c.Cancel("tag", false))
			q, err := c.QueueDeclarePassive(c.at("q"), true, false, false, false, nil)
			c.fail("look", err)
			c.notef("%d consumers", q.Consumers)
		},
		want: `
			tag: a
			1 consumers`,
	},
	{
		name: "a basic.get does not count what has expired behind its message",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("b"), Expiration: "0"}))
			c.sync()
			c.publish("q", "c")
			c.notef("%d left", c.get("q").MessageCount)
		},
		want: `
			get: a
			1 left`,
	},
	{
		name: "what is nacked for good does not count as a failure on 4.3, unlike what is rejected",
		do: func(c *client) {
			c.counting = true
			c.quorum("dead", nil)
			c.quorum("q", c.deadTo("dead", nil))
			c.classic("classic", c.deadTo("dead", nil))
			for i, settle := range []func(ch *channel, tag uint64){
				func(ch *channel, tag uint64) { ch.nack(tag, drop) },
				func(ch *channel, tag uint64) { ch.reject(tag, drop) },
				func(ch *channel, tag uint64) { ch.nack(tag, drop) },
			} {
				from := []string{"q", "q", "classic"}[i]
				ch := c.open()
				c.publish(from, "m")
				ch.consume(from, consume{}).take(1)
				settle(ch, 1)
				c.ready("dead", 1)
				ch.consume("dead", consume{noAck: true, tag: "dead"}).take(1)
				ch.fail("close", ch.Close())
			}
		},
		want: `
			got: m
			dead: m
			got: m
			dead: m, redelivered, count int64(1)
			got: m
			dead: m`,
		differ: []difference{{
			versions: "3.10",
			want: `
				got: m
				dead: m
				got: m
				dead: m
				got: m
				dead: m`,
			why: "3.10 makes a new message of a dead letter",
		}, {
			versions: "4.0",
			want: `
				got: m
				dead: m, redelivered, count int64(1)
				got: m
				dead: m, redelivered, count int64(1)
				got: m
				dead: m`,
			why: "4.0 counts both",
		}},
	},
}
