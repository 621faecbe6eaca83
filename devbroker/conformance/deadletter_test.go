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

// deadTo returns the arguments of a queue whose dead letters go to another queue by
// the default exchange, and others besides.
func (n *notes) deadTo(queue string, more table) table {
	args := table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": n.at(queue)}
	for k, v := range more {
		args[k] = v
	}
	return args
}

// buried waits for n dead letters and notes what they tell, but not of their last
// death, of which 3.10 knows nothing.
func (c *client) buried(queue string, n int) {
	c.t.Helper()
	c.ready(queue, n) // from 4.3 on, one that has lain in a classic queue counts as redelivered
	for range n {
		d, _, err := c.Get(c.at(queue), true)
		c.fail("get "+queue, err)
		maps.DeleteFunc(d.Headers, func(name string, _ any) bool { return strings.HasPrefix(name, "x-last-death") })
		c.note("%s: %s", queue, d.Body)
		c.show(d)
	}
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
				c.buried("dead", 1)
				ch.nack(2, drop)
				c.buried("dead", 1)
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
				c.buried("dead", 1)
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
				c.buried("dead", 1)
				c.send("", c.at(kind), "rejected before it expires", amqp.Publishing{Expiration: "60000"})
				ch := c.open()
				ch.get(kind)
				ch.reject(1, drop)
				c.buried("dead", 1)
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
				c.buried("dead", 1)
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
			c.buried("dead", 1)
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
			c.buried("dead", 1)
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
	{
		name: "the second death is told first, and the first stays known as such",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.classic("q", c.deadTo("dead1", nil))
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.buried("dead2", 1)
		},
		want: `
			get: a
			dead2: a
			  exchange="" key="dead2"
			  x-death[0] {count=int64(1) exchange="" queue="dead1" reason="expired" routing-keys=["dead1"] time=now}
			  x-death[1] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "the last death is told beside the first, except by 3.10",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.exchange("x", "fanout", exchange{})
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.bind("dead1", "x", "", nil)
			c.classic("q", table{"x-dead-letter-exchange": c.at("x")})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.ready("dead2", 1)
			d, _, err := c.Get(c.at("dead2"), true)
			c.fail("get", err)
			delete(d.Headers, "x-death")
			c.headers(d.Headers)
		},
		want: `
			get: a
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			  x-last-death-exchange="x"
			  x-last-death-queue="dead1"
			  x-last-death-reason="expired"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"`,
			why: "x-last-death headers came with 3.13",
		}},
	},
	{
		name: "dying again in the same way at the same place is counted",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: c.deadTo(kind, table{"x-queue-type": kind})})
				c.publish(kind, "a")
				ch := c.open()
				for tag := range uint64(3) {
					c.ready(kind, 1)
					if _, _, err := ch.Get(c.at(kind), false); ch.fail("get", err) {
						return
					}
					ch.reject(tag+1, drop)
				}
				c.ready(kind, 1)
				d, _, err := c.Get(c.at(kind), true)
				c.fail("get", err)
				c.headers(table{"x-death": d.Headers["x-death"]})
			}
		},
		want: `
			  x-death[0] {count=int64(3) exchange="" queue="classic" reason="rejected" routing-keys=["classic"] time=now}
			  x-death[0] {count=int64(3) exchange="" queue="quorum" reason="rejected" routing-keys=["quorum"] time=now}`,
	},
	{
		name: "what expires in a ring is dropped when it would come round",
		do: func(c *client) {
			c.exchange("x", "fanout", exchange{})
			c.classic("seen", nil)
			c.classic("a", table{"x-message-ttl": 30, "x-dead-letter-exchange": c.at("x")})
			c.classic("b", c.deadTo("a", table{"x-message-ttl": 30}))
			c.bind("seen", "x", "", nil)
			c.bind("b", "x", "", nil)
			c.publish("a", "m")
			k := c.consume("seen", consume{tag: "left a"})
			k.take(1)
			k.none()
		},
		want: `
			left a: m
			left a: nothing more`,
	},
	{
		name: "what expires does not go back to its own queue",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.exchange("x "+kind, "fanout", exchange{})
				c.classic("seen "+kind, nil)
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-message-ttl": 30, "x-dead-letter-exchange": c.at("x " + kind)}})
				c.bind("seen "+kind, "x "+kind, "", nil)
				c.bind(kind, "x "+kind, "", nil)
				c.publish(kind, "m")
				k := c.consume("seen "+kind, consume{tag: "left " + kind})
				k.take(1)
				k.none()
			}
		},
		want: `
			left classic: m
			left classic: nothing more
			left quorum: m
			left quorum: nothing more`,
	},
	{
		name: "a message rejected on its way round the ring goes on",
		do: func(c *client) {
			c.classic("wait", c.deadTo("work", table{"x-message-ttl": 30}))
			c.classic("work", c.deadTo("wait", nil))
			c.publish("work", "a")
			for tag := range uint64(3) {
				c.ready("work", 1)
				if _, _, err := c.Get(c.at("work"), false); c.fail("get", err) {
					return
				}
				c.reject(tag+1, drop)
			}
			c.buried("work", 1)
		},
		want: `
			work: a
			  exchange="" key="work"
			  x-death[0] {count=int64(3) exchange="" queue="wait" reason="expired" routing-keys=["wait"] time=now}
			  x-death[1] {count=int64(3) exchange="" queue="work" reason="rejected" routing-keys=["work"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="work"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "an x-death made up by the publisher",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.sendHeaders("q", "a", table{
				"x-death": []any{table{
					"queue": "elsewhere", "reason": "expired", "count": int64(5), "exchange": "x", "routing-keys": []any{"k"},
				}},
				"x-first-death-reason": "expired", "x-first-death-queue": "elsewhere", "x-first-death-exchange": "x",
			})
			c.show(c.get("q"))
			c.reject(1, drop)
			c.buried("dead", 1)
		},
		want: `
			get: a
			  exchange="" key="q"
			  x-death[0] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
			  x-first-death-exchange="x"
			  x-first-death-queue="elsewhere"
			  x-first-death-reason="expired"
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				  exchange="" key="q"
				  x-death[0] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
				  x-first-death-exchange="x"
				  x-first-death-queue="elsewhere"
				  x-first-death-reason="expired"
				dead: a
				  exchange="" key="dead"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
				  x-death[1] {count=int64(5) exchange="x" queue="elsewhere" reason="expired" routing-keys=["k"]}
				  x-first-death-exchange="x"
				  x-first-death-queue="elsewhere"
				  x-first-death-reason="expired"`,
			why: "3.10 believes the headers of a client",
		}},
	},
	{
		name: "an x-death handed on by a client that publishes the message again",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.ready("dead", 1)
			d, _, err := c.Get(c.at("dead"), true)
			c.fail("get", err)
			c.sendHeaders("q", "again", d.Headers)
			c.get("q")
			c.reject(3, drop)
			c.buried("dead", 1)
		},
		want: `
			get: a
			get: again
			dead: again
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				get: again
				dead: again
				  exchange="" key="dead"
				  x-death[0] {count=int64(2) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"`,
			why: "3.10 believes the headers of a client, and counts on",
		}},
	},
	{
		name: "an x-death that is no list",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.sendHeaders("q", "a", table{"x-death": "mine"})
			c.get("q")
			c.reject(1, drop)
			c.buried("dead", 1)
		},
		want: `
			get: a
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				dead: a
				  exchange="" key="dead"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q"] time=now}`,
			why: "3.10 adds x-first-death only where there is no x-death",
		}},
	},
	{
		name: "dead letters to an exchange that is missing are gone, and confirmed before",
		do: func(c *client) {
			for _, kind := range []string{"classic", "quorum"} {
				c.declare(kind, queue{args: table{"x-queue-type": kind, "x-dead-letter-exchange": c.at("missing")}})
				c.publish(kind, "a")
				ch := c.open()
				ch.get(kind)
				ch.reject(1, drop)
				ch.sync()
				c.holds(kind, 0)
			}
		},
		want: `
			get: a
			classic holds 0
			get: a
			quorum holds 0`,
	},
	{
		name: "dead letters without a key of their own go by key and CC",
		do: func(c *client) {
			c.exchange("dlx", "direct", exchange{})
			c.exchange("x", "fanout", exchange{})
			for _, q := range []string{"by key", "by cc"} {
				c.classic(q, nil)
				c.bind(q, "dlx", q, nil)
			}
			c.classic("q", table{"x-dead-letter-exchange": c.at("dlx")})
			c.bind("q", "x", "", nil)
			c.send("x", "by key", "a", amqp.Publishing{Headers: table{"CC": []any{"by cc"}}})
			c.get("q")
			c.reject(1, drop)
			c.buried("by key", 1)
			c.buried("by cc", 1)
		},
		want: `
			get: a
			by key: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="x" queue="q" reason="rejected" routing-keys=["by key" "by cc"] time=now}
			  x-first-death-exchange="x"
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			by cc: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="x" queue="q" reason="rejected" routing-keys=["by key" "by cc"] time=now}
			  x-first-death-exchange="x"
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"`,
	},
	{
		name: "dead letters with a key of their own lose CC",
		do: func(c *client) {
			c.exchange("dlx", "direct", exchange{})
			for _, q := range []string{"by key", "by cc"} {
				c.classic(q, nil)
				c.bind(q, "dlx", q, nil)
			}
			c.classic("q", table{"x-dead-letter-exchange": c.at("dlx"), "x-dead-letter-routing-key": "by key"})
			c.send("", c.at("q"), "a", amqp.Publishing{Headers: table{"CC": []any{"by cc"}, "BCC": []any{"bcc"}}})
			c.get("q")
			c.reject(1, drop)
			c.buried("by key", 1)
			c.holds("by cc", 0)
		},
		want: `
			get: a
			by key: a
			  exchange="dlx" key="by key"
			  CC=["by cc"]
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q" "by cc"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="rejected"
			by cc holds 0`,
		differ: []difference{{
			versions: "3.10",
			want: `
				get: a
				by key: a
				  exchange="dlx" key="by key"
				  x-death[0] {count=int64(1) exchange="" queue="q" reason="rejected" routing-keys=["q" "by cc"] time=now}
				  x-first-death-exchange=""
				  x-first-death-queue="q"
				  x-first-death-reason="rejected"
				by cc holds 0`,
			why: "3.10 takes CC out of the headers, later brokers ignore it when they route",
		}},
	},
	{
		name: "a purge and a deletion make no dead letters",
		do: func(c *client) {
			c.classic("dead", nil)
			c.classic("q", c.deadTo("dead", nil))
			c.publish("q", "a")
			_, err := c.QueuePurge(c.at("q"), false)
			c.fail("purge", err)
			c.publish("q", "b")
			c.delete("q", false, false)
			c.holds("dead", 0)
		},
		want: `
			delete q: 1 messages
			dead holds 0`,
	},
	{
		name: "at-least-once holds what it cannot bury",
		do: func(c *client) {
			c.quorum("q", table{
				"x-dead-letter-exchange": c.at("missing"), "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
			})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.sync()
			c.get("q")
			c.delete("q", false, false) // what is held does not count
		},
		want: `
			get: a
			get: empty
			delete q: 0 messages`,
	},
	{
		name: "at-least-once buries what it can",
		do: func(c *client) {
			c.classic("dead", nil)
			c.quorum("q", c.deadTo("dead", table{
				"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-message-ttl": 50,
			}))
			c.publish("q", "a")
			c.buried("dead", 1)
		},
		want: `
			dead: a
			  exchange="" key="dead"
			  x-death[0] {count=int64(1) exchange="" queue="q" reason="expired" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="expired"`,
	},
	{
		name: "at-least-once without reject-publish is at-most-once",
		do: func(c *client) {
			c.quorum("q", table{"x-dead-letter-exchange": c.at("missing"), "x-dead-letter-strategy": "at-least-once"})
			c.publish("q", "a")
			c.get("q")
			c.reject(1, drop)
			c.holds("q", 0)
		},
		want: `
			get: a
			q holds 0`,
	},
	{
		name: "a dead letter has the time to live of the queue that it comes to",
		do: func(c *client) {
			c.classic("dead2", nil)
			c.classic("dead1", c.deadTo("dead2", table{"x-message-ttl": 50}))
			c.classic("q", c.deadTo("dead1", table{"x-message-ttl": 50}))
			c.publish("q", "a")
			c.buried("dead2", 1)
		},
		want: `
			dead2: a
			  exchange="" key="dead2"
			  x-death[0] {count=int64(1) exchange="" queue="dead1" reason="expired" routing-keys=["dead1"] time=now}
			  x-death[1] {count=int64(1) exchange="" queue="q" reason="expired" routing-keys=["q"] time=now}
			  x-first-death-exchange=""
			  x-first-death-queue="q"
			  x-first-death-reason="expired"`,
	},
}
