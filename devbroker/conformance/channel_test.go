package conformance_test

import (
	"context"
	"maps"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// channel is an AMQP channel that notes errors.
type channel struct {
	*amqp.Channel
	*notes
	conn   *amqp.Connection
	closes chan *amqp.Error
	doing  string // what its failures are noted as
	failed bool
}

// queue holds the parameters of a declaration. The default is durable and not exclusive.
type queue struct {
	transient, exclusive, autoDelete, passive bool
	args                                      table
}

// exchange holds the parameters of a declaration. The default is durable.
type exchange struct {
	transient, autoDelete, internal, passive bool
	args                                     table
}

// fail notes an error of the broker, and whether it closed the channel or the whole
// connection.
func (ch *channel) fail(what string, err error) bool {
	ch.t.Helper()
	if err == nil {
		return false
	}
	if ch.doing != "" {
		what = ch.doing
	}
	ch.failed = true
	scope := "channel"
	if ch.conn.IsClosed() {
		scope = "connection"
	}
	ch.notef("%s: %s closed, %s", what, scope, reason(err))
	return true
}

// ends waits until the channel is closed and notes the reason.
func (ch *channel) ends() {
	ch.t.Helper()
	select {
	case err := <-ch.closes:
		ch.notef("channel closed: %s", reason(err))
	case <-time.After(patience):
		ch.notef("the channel stays")
	}
}

// sync blocks until the broker has handled everything sent on the channel.
func (ch *channel) sync() {
	ch.t.Helper()
	ch.fail("sync", ch.ExchangeDeclarePassive("amq.direct", amqp.ExchangeDirect, true, false, false, false, nil))
}

// classic declares a durable classic queue; args may be nil.
func (ch *channel) classic(name string, args table) { ch.declare(name, queue{args: args}) }

// quorum declares a quorum queue; args may be nil.
func (ch *channel) quorum(name string, args table) {
	all := table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
	maps.Copy(all, args)
	ch.declare(name, queue{args: all})
}

// declare declares a queue and returns what the broker answers.
func (ch *channel) declare(name string, q queue) amqp.Queue {
	ch.t.Helper()
	declare := ch.QueueDeclare
	if q.passive {
		declare = ch.QueueDeclarePassive
	}
	ok, err := declare(ch.at(name), !q.transient, q.autoDelete, q.exclusive, false, q.args)
	ch.fail("declare "+name, err)
	return ok
}

// exchange declares an exchange.
func (ch *channel) exchange(name, kind string, x exchange) {
	ch.t.Helper()
	declare := ch.ExchangeDeclare
	if x.passive {
		declare = ch.ExchangeDeclarePassive
	}
	ch.fail("declare "+name, declare(ch.at(name), kind, !x.transient, x.autoDelete, x.internal, false, x.args))
}

// bind binds a queue.
func (ch *channel) bind(queue, exchange, key string, args table) {
	ch.t.Helper()
	ch.fail("bind "+queue, ch.QueueBind(ch.at(queue), key, ch.at(exchange), false, args))
}

// bindExchange binds two exchanges, so that messages published to source also reach to.
func (ch *channel) bindExchange(to, source, key string) {
	ch.t.Helper()
	ch.fail("bind "+to, ch.ExchangeBind(ch.at(to), key, ch.at(source), false, nil))
}

// holds waits until the queue has n messages ready, and notes how many it has.
func (ch *channel) holds(queue string, n int) {
	ch.t.Helper()
	ch.notef("%s holds %d", queue, ch.ready(queue, n))
}

// ready waits until the queue has n messages ready, and returns how many it has.
func (ch *channel) ready(queue string, n int) int {
	ch.t.Helper()
	deadline := time.After(patience)
	for {
		q, err := ch.QueueDeclarePassive(ch.at(queue), false, false, false, false, nil)
		if ch.fail("holds "+queue, err) || q.Messages == n {
			return q.Messages
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			return q.Messages
		}
	}
}

// gone waits until the queue is deleted, and notes it. It checks by purging, which does not
// restart x-expires.
func (c *client) gone(queue string) {
	c.t.Helper()
	deadline := time.After(patience)
	ch := c.open()
	for {
		if _, err := ch.QueuePurge(c.at(queue), false); err != nil {
			c.notef("%s is gone: %s", queue, reason(err))
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			c.notef("%s stays", queue)
			return
		}
	}
}

// publish sends messages through the default exchange and waits until the broker has
// confirmed each.
func (c *client) publish(queue string, bodies ...string) {
	c.t.Helper()
	for _, body := range bodies {
		c.send("", c.at(queue), body, amqp.Publishing{})
	}
}

// send publishes a message and waits for its confirm.
func (c *client) send(exchange, key, body string, m amqp.Publishing) {
	c.t.Helper()
	if c.sender == nil || c.sender.IsClosed() {
		c.sender = c.open()
		c.fail("confirm", c.sender.Confirm(false))
	}
	m.Body = []byte(body)
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	confirm, err := c.sender.PublishWithDeferredConfirm(c.at(exchange), key, false, false, m)
	if c.fail("publish "+body, err) {
		return
	}
	acked, err := confirm.WaitContext(ctx)
	switch {
	case c.sender.IsClosed():
		c.fail("publish "+body, <-c.sender.closes)
	case err != nil:
		c.notef("publish %s: no confirm", body)
	case !acked:
		c.notef("publish %s: nacked", body)
	}
}
