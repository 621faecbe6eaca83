package devbroker

import (
	"slices"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// consumer is a consumer of a queue on a channel.
type consumer struct {
	channel   *channel
	queue     *queue
	tag       string
	noAck     bool
	exclusive bool
	priority  int64
	prefetch  int    // 0 for no limit, on a classic queue
	inFlight  int    // deliveries that are not acked
	number    uint64 // sequence number among all consumers that the queue has had
	blocked   bool   // was skipped because its prefetch is used up; unblock moves it behind its equals
	gone      bool
}

// ready reports whether the consumer may receive another message.
func (c *consumer) ready() bool {
	ch := c.channel
	switch {
	case ch.paused:
		return false
	case c.full():
		return false
	case !c.noAck && c.prefetch == 0 && ch.shared > 0 && ch.unacked.count() >= ch.shared:
		return false
	}
	return ch.conn.out.hasRoom()
}

// full reports whether the consumer has reached its prefetch.
func (c *consumer) full() bool { return !c.noAck && c.prefetch > 0 && c.inFlight >= c.prefetch }

// unblock moves a consumer that was skipped behind the consumers of equal priority.
func (c *consumer) unblock() {
	if c.blocked && !c.full() {
		c.blocked = false
		c.queue.toEnd(slices.Index(c.queue.consumers, c))
	}
}

// deliver delivers a message to the consumer.
func (c *consumer) deliver(it *item) {
	ch := c.channel
	ch.lastTag++
	fault := ch.strike(OnDeliver, c.queue.name)
	if !fault.swallows() {
		ch.conn.out.content(ch.id, &wire.BasicDeliver{
			ConsumerTag: c.tag, DeliveryTag: ch.lastTag, Redelivered: it.redelivered,
			Exchange: it.exchange, RoutingKey: it.key,
		}, c.queue.properties(it, false), it.body)
	}
	if c.noAck {
		c.queue.drop(it)
	} else {
		c.inFlight++
		ch.take(&delivery{item: it, tag: ch.lastTag, queue: c.queue, consumer: c})
	}
	if fault.drops() {
		ch.conn.drop()
	}
}

// properties returns the message's properties, with the counts that a quorum queue adds.
func (q *queue) properties(it *item, get bool) []byte {
	var counts wire.Table
	if n := q.deliveryCount(it); q.kind == quorum && (n > 0 || get && q.broker().gen.getCountsFromZero) {
		counts = counts.Set("x-delivery-count", int64(n))
	}
	if n := it.acquiredCount(); q.kind == quorum && n > 0 && q.broker().gen.acquiredCount {
		counts = counts.Set("x-acquired-count", int64(n))
	}
	if counts == nil {
		return it.properties
	}
	return it.withHeaders(counts)
}

// nextConsumer returns the consumer that receives next and moves it behind the consumers of
// equal priority. It returns nil if all consumers are blocked.
func (q *queue) nextConsumer() *consumer {
	if q.singleActive {
		if q.active != nil && q.active.ready() {
			return q.active
		}
		return nil
	}
	for i, c := range q.consumers {
		if !c.ready() {
			c.blocked = c.full()
			continue
		}
		q.toEnd(i)
		// A quorum queue skips a consumer as soon as it is full. A classic queue skips it when
		// its turn comes.
		c.blocked = q.kind == quorum && c.prefetch == c.inFlight+1
		return c
	}
	return nil
}

// toEnd moves a consumer behind the consumers of equal priority.
func (q *queue) toEnd(i int) {
	if i < 0 {
		return
	}
	c, end := q.consumers[i], i+1
	for end < len(q.consumers) && q.consumers[end].priority == c.priority {
		end++
	}
	copy(q.consumers[i:], q.consumers[i+1:end])
	q.consumers[end-1] = c
}

// addConsumer adds c behind the consumers of equal priority.
func (q *queue) addConsumer(c *consumer) {
	i := slices.IndexFunc(q.consumers, func(other *consumer) bool { return other.priority < c.priority })
	if i < 0 {
		i = len(q.consumers)
	}
	q.consumers = slices.Insert(q.consumers, i, c)
	q.lastConsumer++
	c.number = q.lastConsumer
	if q.active == nil || q.kind == quorum && q.broker().gen.bestIsActive {
		q.active = q.consumers[0]
	}
	q.stalled = false
	q.used()
	q.wake()
}

// removeConsumer removes c. It deletes an auto-delete queue that has lost its last consumer.
func (q *queue) removeConsumer(c *consumer) {
	i := slices.Index(q.consumers, c)
	if i < 0 {
		return
	}
	q.consumers = slices.Delete(q.consumers, i, i+1)
	if c.gone = true; c.inFlight > 0 {
		q.leaving++
	}
	if q.active == c {
		q.active = nil
		if len(q.consumers) > 0 {
			q.active = q.consumers[0]
		}
	}
	q.used()
	if q.autoDelete && len(q.consumers) == 0 {
		q.delete()
		return
	}
	q.wake()
}

// cancelledByBroker cancels a consumer on behalf of the broker. It sends basic.cancel to
// clients that support it.
func (c *consumer) cancelledByBroker() {
	delete(c.channel.consumers, c.tag)
	if c.channel.conn.can("consumer_cancel_notify") {
		c.channel.send(&wire.BasicCancel{ConsumerTag: c.tag, NoWait: true})
	}
}
