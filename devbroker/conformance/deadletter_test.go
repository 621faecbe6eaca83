package conformance_test

import (
	"maps"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// sendHeaders publishes through the default exchange, with headers.
func (c *client) sendHeaders(queue, body string, headers table) {
	c.t.Helper()
	c.send("", c.at(queue), body, amqp.Publishing{Headers: headers})
}

// deadTo returns the arguments of a queue that dead-letters to another queue through the
// default exchange, plus further arguments.
func (n *notes) deadTo(queue string, more table) table {
	args := table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": n.at(queue)}
	maps.Copy(args, more)
	return args
}

// buried waits for a dead letter and notes its body, properties and headers. It leaves out
// the x-last-death headers, which 3.10 does not set.
func (c *client) buried(queue string) {
	c.t.Helper()
	c.ready(queue, 1) // on 4.3, a dead letter that had to wait in a classic queue counts as redelivered
	d, _, err := c.Get(c.at(queue), true)
	c.fail("get "+queue, err)
	maps.DeleteFunc(d.Headers, func(name string, _ any) bool { return strings.HasPrefix(name, "x-last-death") })
	c.notef("%s: %s", queue, d.Body)
	c.show(d)
}

var deadLetterScenarios = []scenario{
	{
		name: "a rejected message tells why",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.classic("dead", nil)
				c.declare(kind, queue{args: c.deadTo("dead", table{"x-queue-type": kind})})
				c.publish(kind, "rejected", "nacked")
				ch := c.open()
				ch.get(kind)
				ch.get(kind)
				ch.reject(1, drop)
				c.buried("dead")
				ch.nack(2, drop)
				c.buried("dead")
			}
		},
		want: `
			get: rejected
			get: nacked
			dead: rejected
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="classic" reason="rejected" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="rejected"
			dead: nacked
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="classic" reason="rejected" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="rejected"
			get: rejected
			get: nacked
			dead: rejected
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="quorum" reason="rejected" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="rejected"
			dead: nacked
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="quorum" reason="rejected" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "an expired message tells why",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.classic("dead", nil)
				c.declare(kind, queue{args: c.deadTo("dead", table{"x-queue-type": kind, "x-message-ttl": 50})})
				c.publish(kind, "expired")
				c.buried("dead")
			}
		},
		want: `
			dead: expired
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="classic" reason="expired" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="expired"
			dead: expired
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="quorum" reason="expired" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="expired"`,
	},
	{
		name: "a message with an expiration of its own loses it, and x-death keeps it",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.classic("dead", nil)
				c.declare(kind, queue{args: c.deadTo("dead", table{"x-queue-type": kind})})
				c.send("", c.at(kind), "expired", amqp.Publishing{Expiration: "50"})
				c.buried("dead")
				c.send("", c.at(kind), "rejected before it expires", amqp.Publishing{Expiration: "60000"})
				ch := c.open()
				ch.get(kind)
				ch.reject(1, drop)
				c.buried("dead")
			}
		},
		want: `
			dead: expired
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" original-expiration="50" queue="classic" reason="expired" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="expired"
			get: rejected before it expires
			dead: rejected before it expires
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" original-expiration="60000" queue="classic" reason="rejected" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="rejected"
			dead: expired
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" original-expiration="50" queue="quorum" reason="expired" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="expired"
			get: rejected before it expires
			dead: rejected before it expires
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" original-expiration="60000" queue="quorum" reason="rejected" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "a message that is one too many tells why",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.classic("dead", nil)
				c.declare(kind, queue{args: c.deadTo("dead", table{"x-queue-type": kind, "x-max-length": 1})})
				c.publish(kind, "first", "second")
				c.buried("dead")
			}
		},
		want: `
			dead: first
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="classic" reason="maxlen" routing-keys=["classic"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="classic"
			  x-first-death-reason="maxlen"
			dead: first
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="quorum" reason="maxlen" routing-keys=["quorum"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="quorum"
			  x-first-death-reason="maxlen"`,
	},
	{
		name: "a message that came back too often tells why",
		do: func(c *client) {
			c.classic("dead", nil)
			c.quorum("q", c.deadTo("dead", table{"x-delivery-limit": 1}))
			c.publish("q", "a")
			k := c.consume("q", consume{})
			k.take(1)
			c.reject(1, requeue)
			k.take(1)
			c.reject(2, requeue)
			c.buried("dead")
		},
		want: `
			got: a
			got: a, redelivered
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="delivery_limit" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="delivery_limit"`,
	},
	{
		name: "properties and headers stay, and so does the key where no other is set",
		do: func(c *client) {
			c.exchange("dlx", "topic", exchange{})
			c.exchange("x", "topic", exchange{})
			c.classic("dead", nil)
			c.bind("dead", "dlx", "#", nil)
			c.classic("q", table{"x-dead-letter-exchange": c.at("dlx")})
			c.bind("q", "x", "#", nil)
			c.send("x", "a.b", "m", amqp.Publishing{
				Headers: table{"mine": int32(1)}, Priority: 5, MessageId: "id", DeliveryMode: 2, ContentType: "text/plain", ReplyTo: "r",
			})
			c.get("q")
			c.reject(1, drop)
			c.buried("dead")
		},
		want: `
			get: m
			dead: m
			  exchange="dlx" key="a.b"
			  content-type="text/plain" delivery-mode=uint8(2) priority=uint8(5) reply-to="r" message-id="id"
			  mine=int32(1)
			  x-death[0] {count=int64(1) exchange="x" queue="q" reason="rejected" routing-keys=["a.b"] time=now}
			  x-first-death-exchange="x"
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
	},
}
