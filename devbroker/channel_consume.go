package devbroker

import (
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

func (ch *channel) basicQos(m *wire.BasicQos) error {
	switch {
	case m.PrefetchSize != 0:
		return refuse(notImplemented, "prefetch_size!=0 (%d)", m.PrefetchSize)
	case m.Global && ch.broker().gen.globalQoS:
		ch.shared = int(m.PrefetchCount)
		ch.kick()
	default:
		ch.prefetch = int(m.PrefetchCount)
	}
	ch.send(&wire.BasicQosOk{})
	return nil
}

// quorumPrefetch is the prefetch of a quorum queue's consumer that has none.
const quorumPrefetch = 2000

func (ch *channel) basicConsume(m *wire.BasicConsume) error {
	if m.ConsumerTag != "" && ch.consumers[m.ConsumerTag] != nil {
		return refuse(notAllowed, "attempt to reuse consumer tag '%s'", m.ConsumerTag)
	}
	q, err := ch.source(m)
	if err != nil {
		return err
	}
	c := &consumer{
		channel: ch, queue: q, tag: m.ConsumerTag, noAck: m.NoAck, exclusive: m.Exclusive, prefetch: ch.prefetch,
	}
	if c.priority, err = q.priorityOf(m.Arguments); err != nil {
		return err
	}
	if c.tag == "" {
		c.tag = uniqueName("amq.ctag-")
	}
	switch {
	case ch.shared > 0 && q.kind == quorum:
		return refuse(notImplemented, "queue '%s' in vhost '%s' does not support global qos", q.name, q.vhost.name)
	case q.kind == classic && (q.exclusivelyConsumed() || c.exclusive && (q.singleActive || len(q.consumers) > 0)):
		return refuse(accessRefused, "queue '%s' in vhost '%s' in exclusive use", q.name, q.vhost.name)
	}
	if q.kind == quorum && c.prefetch == 0 {
		c.prefetch = quorumPrefetch
	}
	ch.consumers[c.tag] = c
	ch.answer(m.NoWait, &wire.BasicConsumeOk{ConsumerTag: c.tag})
	q.addConsumer(c)
	return nil
}

// priorityOf returns a consumer's x-priority.
func (q *queue) priorityOf(args wire.Table) (int64, error) {
	value, ok := args.Get("x-priority")
	if !ok {
		return 0, nil
	}
	priority, ok := asInt(value)
	if !ok {
		return 0, refuse(preconditionFailed, "invalid arg 'x-priority' for queue '%s' in vhost '%s': \"expected integer, got %s\"",
			q.name, q.vhost.name, wire.TypeName(value))
	}
	return priority, nil
}

func (q *queue) exclusivelyConsumed() bool {
	return len(q.consumers) > 0 && q.consumers[0].exclusive
}

// basicCancel cancels a consumer. Its deliveries may still be acked.
func (ch *channel) basicCancel(m *wire.BasicCancel) error {
	if c := ch.consumers[m.ConsumerTag]; c != nil {
		delete(ch.consumers, c.tag)
		q := c.queue
		q.stalled = q.kind == classic && q.singleActive && q.active == c && ch.broker().gen.cancelStalls
		q.removeConsumer(c)
	}
	ch.answer(m.NoWait, &wire.BasicCancelOk{ConsumerTag: m.ConsumerTag})
	return nil
}

func (ch *channel) basicGet(m *wire.BasicGet) error {
	q, err := ch.usable(m.Queue, read)
	if err != nil {
		return err
	}
	if q.leaderless {
		return refuse(internalError, "Cannot get a message from queue '%s' in vhost '%s': timeout", q.name, q.vhost.name)
	}
	if err := q.gettable(); err != nil {
		return err
	}
	q.used()
	if q.kind == quorum {
		q.expire()
	}
	it := q.ready.take()
	if it == nil {
		ch.send(&wire.BasicGetEmpty{})
		return nil
	}
	if q.kind == classic {
		q.expire() // before the remaining messages are counted
	}
	ch.lastTag++
	ch.conn.out.content(ch.id, &wire.BasicGetOk{
		DeliveryTag: ch.lastTag, Redelivered: it.redelivered, Exchange: it.exchange,
		RoutingKey: it.key, MessageCount: uint32(q.ready.count),
	}, q.properties(it, true), it.body)
	if m.NoAck {
		q.drop(it)
	} else {
		ch.take(&delivery{item: it, tag: ch.lastTag, queue: q})
	}
	q.expire()
	q.limit()
	return nil
}

// gettable returns an error for basic.get on a quorum queue with a single active consumer,
// because only that consumer may receive.
func (q *queue) gettable() error {
	if q.kind != quorum || !q.singleActive {
		return nil
	}
	return refuse(resourceLocked, "cannot obtain access to locked queue '%s' in vhost '%s'. basic.get operations"+
		" are not supported by %s queues with single active consumer", q.name, q.vhost.name, q.broker().gen.quorumName)
}

// take records a delivery until it is settled.
func (ch *channel) take(d *delivery) {
	d.since = time.Now()
	d.queue.unacked++
	if d.consumer == nil {
		d.queue.gets++
	}
	ch.unacked.add(d)
	ch.watchSlowness(d)
}

// basicRecover requeues all unacknowledged messages of the channel.
func (ch *channel) basicRecover(requeue, answer bool) error {
	if !requeue {
		return refuse(notImplemented, "requeue=false")
	}
	ch.requeue(ch.unacked.takeAll(), recovered)
	ch.kick()
	if answer {
		ch.send(&wire.BasicRecoverOk{})
	}
	return nil
}
