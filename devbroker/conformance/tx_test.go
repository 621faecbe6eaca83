package conformance_test

import (
	amqp "github.com/rabbitmq/amqp091-go"
)

var txScenarios = []scenario{
	{
		name: "what is published in a transaction is seen when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.fail("select", c.Tx())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			c.open().get("q")
			c.fail("commit", c.TxCommit())
			c.open().get("q")
		},
		want: `
			get: empty
			get: a`,
	},
	{
		name: "what is published in a transaction is gone when it is rolled back",
		do: func(c *client) {
			c.classic("q", nil)
			c.fail("select", c.Tx())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			c.fail("rollback", c.TxRollback())
			c.fail("publish", c.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("b")}))
			c.fail("commit", c.TxCommit())
			c.open().get("q")
			c.holds("q", 0)
		},
		want: `
			get: b
			q holds 0`,
	},
	{
		name: "an ack in a transaction counts when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a", "b")
			ch := c.open()
			ch.fail("select", ch.Tx())
			ch.get("q")
			ch.get("q")
			ch.ack(1)
			ch.fail("rollback", ch.TxRollback())
			ch.ack(1) // the rollback has undone the first ack
			ch.fail("commit", ch.TxCommit())
			ch.fail("close", ch.Close())
			c.holds("q", 1)
			c.get("q")
		},
		want: `
			get: a
			get: b
			q holds 1
			get: b, redelivered`,
	},
	{
		name: "a nack in a transaction requeues when it is committed",
		do: func(c *client) {
			c.classic("q", nil)
			c.publish("q", "a")
			c.fail("select", c.Tx())
			c.get("q")
			c.nack(1, requeue)
			c.holds("q", 0)
			c.fail("commit", c.TxCommit())
			c.holds("q", 1)
		},
		want: `
			get: a
			q holds 0
			q holds 1`,
	},
	{
		name: "a transaction ends with its channel, uncommitted",
		do: func(c *client) {
			c.classic("q", nil)
			ch := c.open()
			ch.fail("select", ch.Tx())
			ch.fail("publish", ch.Publish("", c.at("q"), false, false, amqp.Publishing{Body: []byte("a")}))
			ch.fail("close", ch.Close())
			c.get("q")
		},
		want: "get: empty",
	},
	{
		name: "transactions and confirms do not go together, nor does one without select",
		do: func(c *client) {
			c.attempt("confirm after tx", func(ch *channel) {
				ch.fail("", ch.Tx())
				ch.fail("", ch.Confirm(false))
			})
			c.attempt("tx after confirm", func(ch *channel) {
				ch.fail("", ch.Confirm(false))
				ch.fail("", ch.Tx())
			})
			c.attempt("commit without select", func(ch *channel) { ch.fail("", ch.TxCommit()) })
			c.attempt("rollback without select", func(ch *channel) { ch.fail("", ch.TxRollback()) })
			c.attempt("select twice", func(ch *channel) {
				ch.fail("", ch.Tx())
				ch.fail("", ch.Tx())
			})
		},
		want: `
			confirm after tx: channel closed, 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode
			tx after confirm: channel closed, 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode
			commit without select: channel closed, 406 PRECONDITION_FAILED - channel is not transactional
			rollback without select: channel closed, 406 PRECONDITION_FAILED - channel is not transactional
			select twice: ok`,
	},
	{
		name: "a mandatory message comes back when the transaction is committed",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.publishRaw("missing", mandatory, "x")
			r.seeNone()
			r.send(1, "tx.commit")
			r.see(4)
		},
		want: `
			channel 1: tx.select-ok
			nothing comes
			channel 1: basic.return 312 NO_ROUTE, exchange "", key "missing"
			channel 1: header of 1 bytes
			channel 1: body "x"
			channel 1: tx.commit-ok`,
	},
	{
		name: "a fault in a transaction closes the channel at once",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.send(1, "basic.publish", uint16(0), r.at("missing"), "k", uint8(0))
			r.header(1, 0)
			r.see(1)
		},
		want: `
			channel 1: tx.select-ok
			channel 1: channel.close 404 NOT_FOUND - no exchange 'missing' in vhost '/' (basic.publish)`,
	},
	{
		name: "an unknown tag in a transaction",
		do: func(c *client) {
			r := c.rawOpen(0)
			r.send(1, "tx.select")
			r.see(1)
			r.send(1, "basic.ack", uint64(7), uint8(0))
			r.send(1, "tx.commit")
			r.see(1)
		},
		want: `
			channel 1: tx.select-ok
			channel 1: channel.close 406 PRECONDITION_FAILED - unknown delivery tag 7 (basic.ack)`,
	},
}
