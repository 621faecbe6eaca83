package devbroker

import (
	"slices"
	"time"
)

// verdict is how a delivery is settled.
type verdict int

const (
	acked       verdict = iota
	refused             // not requeued: dead-lettered, or dropped
	discarded           // not requeued by nack; 4.3 does not count it as a failure
	nacked              // requeued by nack
	returned            // requeued by reject
	recovered           // requeued by recover
	lostChannel         // requeued because its channel is closed
)

func verdictOf(requeue bool, requeued verdict) verdict {
	if requeue {
		return requeued
	}
	if requeued == nacked {
		return discarded
	}
	return refused
}

// settlement is an ack, nack or reject of a client.
type settlement struct {
	tag      uint64
	multiple bool
	verdict  verdict
}

// settle applies an ack, nack or reject, now or when the transaction commits.
func (ch *channel) settle(s settlement) error {
	if fault := ch.ackFault(s); fault != nil {
		switch {
		case fault.drops():
			ch.conn.drop()
		case fault.Delay > 0:
			time.AfterFunc(fault.Delay, func() { ch.broker().do(func() { ch.settleLate(s) }) })
		}
		return nil
	}
	return ch.settleNow(s)
}

func (ch *channel) settleNow(s settlement) error {
	deliveries := ch.unacked.take(s.tag, s.multiple)
	if deliveries == nil && (!s.multiple || s.tag != 0) {
		return refuse(preconditionFailed, "unknown delivery tag %d", s.tag)
	}
	if ch.tx != nil {
		ch.tx.settled = append(ch.tx.settled, settled{deliveries, s.verdict})
		return nil
	}
	ch.apply(deliveries, s.verdict)
	return nil
}

// settleLate applies an ack that a fault has delayed, if the channel is still open.
func (ch *channel) settleLate(s settlement) {
	if !ch.closing && ch.conn.channels[ch.id] == ch {
		if reply := asReply(ch.settleNow(s)); reply != nil {
			ch.close(reply)
		}
	}
}

// ackFault returns the fault that happens to this ack, or nil.
func (ch *channel) ackFault(s settlement) *Fault {
	if len(ch.broker().faults) == 0 {
		return nil
	}
	for _, d := range ch.unacked.all {
		if d.tag == s.tag || s.multiple && !d.settled {
			return ch.strike(OnAck, d.queue.name)
		}
	}
	return nil
}

// apply settles deliveries in the same batches as RabbitMQ.
func (ch *channel) apply(deliveries []*delivery, v verdict) {
	if v != acked && v != refused && v != discarded {
		ch.requeue(deliveries, v)
		ch.kick()
		return
	}
	for _, batch := range batches(deliveries) {
		for _, d := range batch {
			d.leave()
			d.queue.settle(d, v)
		}
	}
	ch.kick()
}

// leave removes the delivery from the counts of its queue and its consumer.
func (d *delivery) leave() {
	if d.late {
		return // was removed when it timed out
	}
	d.queue.unacked--
	if d.consumer == nil {
		d.queue.gets--
		return
	}
	d.consumer.inFlight--
	if d.consumer.gone && d.consumer.inFlight == 0 {
		d.queue.leaving--
	}
	d.consumer.unblock()
}

// settle removes a message that was acked, or dead-letters it if it was refused.
func (q *queue) settle(d *delivery, v verdict) {
	it := d.item
	if it.done {
		return // the message was settled or dropped after this delivery timed out
	}
	if it.ready {
		q.ready.remove(it)
	}
	if v != acked && !q.deleted {
		if q.fails(v) {
			it.failures++
		}
		q.deadLetter(it, rejected)
		return
	}
	q.drop(it)
}

// requeue requeues deliveries, each in its own queue. Each batch is delivered again before
// the next batch is requeued.
func (ch *channel) requeue(deliveries []*delivery, v verdict) {
	group := batches
	if v == lostChannel {
		group = ch.lostBatches
	}
	for _, batch := range group(deliveries) {
		q := batch[0].queue
		if q.kind == classic {
			slices.Reverse(batch) // each message goes to its old place: finding it is fastest if that is before the previous one
		}
		for _, d := range batch {
			d.leave()
			if !d.late && !d.done { // otherwise the message is ready or done, and keeps its place
				q.takeBack(d.item, v)
			}
		}
		q.backAgain()
	}
}

// takeBack requeues a message, now or after a pause, or dead-letters it when it exceeds the
// delivery limit.
func (q *queue) takeBack(it *item, v verdict) {
	q.place(it, v)
	it.acquired++
	if q.fails(v) {
		it.failures++
	}
	if q.kind == quorum && !q.deleted {
		if q.deliveryLimit != noLimit && q.deliveryCount(it) > q.deliveryLimit {
			q.deadLetter(it, tooOften)
			return
		}
	}
	if pause := q.pause(it, v); pause > 0 && !q.deleted {
		q.delay(it, pause)
		return
	}
	q.putBack(it)
}

// place sets the place of a requeued message if it differs from the message's old place.
func (q *queue) place(it *item, v verdict) {
	if q.kind != quorum {
		return
	}
	q.nextSeq++
	it.seq, it.level = q.nextSeq, q.ready.frontLevel()
	if gen := q.broker().gen; v != lostChannel && q.deliveryLimit == noLimit && gen.requeuesToEnd {
		it.level = q.level(gen, it.message)
		if q.ready.fair {
			it.level = 0 // for every priority
		}
	}
}

// fails reports whether v counts as a failed delivery.
func (q *queue) fails(v verdict) bool {
	if q.kind == classic && !q.broker().gen.classicCount {
		return false
	}
	returnsCount := q.broker().gen.countsReturns
	return v == lostChannel || v == refused || v == discarded && returnsCount || v == returned && !returnsCount
}

// deliveryCount returns the value of x-delivery-count.
func (q *queue) deliveryCount(it *item) int {
	if q.broker().gen.countsReturns {
		return it.acquiredCount()
	}
	return it.failures
}

// acquiredCount returns the value of x-acquired-count. Until this queue has requeued the
// message, it is the count that a dead letter kept from its former queue.
func (it *item) acquiredCount() int {
	if it.acquired == 0 {
		return it.failures
	}
	return it.acquired
}
