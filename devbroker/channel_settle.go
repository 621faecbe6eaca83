package devbroker

import (
	"slices"
	"time"
)

// verdict is what becomes of a delivery.
type verdict int

const (
	acked       verdict = iota
	refused             // not requeued: dead-lettered, or dropped
	discarded           // not requeued by nack, which does not count on 4.3
	nacked              // requeued by nack
	returned            // requeued by reject
	recovered           // requeued by recover
	lostChannel         // requeued, since its channel is gone
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

// settle carries out an ack, nack or reject, now or when the transaction commits.
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

// settleLate carries out an ack that a fault has delayed, if there is still a channel.
func (ch *channel) settleLate(s settlement) {
	if !ch.closing && ch.conn.channels[ch.id] == ch {
		if reply := asReply(ch.settleNow(s)); reply != nil {
			ch.close(reply)
		}
	}
}

// ackFault returns the fault that strikes this ack.
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

// apply settles deliveries in the batches in which RabbitMQ tells their queues.
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

// leave takes the delivery from what its queue and consumer have out.
func (d *delivery) leave() {
	if d.late {
		return // has left when it timed out
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

// settle ends a message that was acked, or refused for good.
func (q *queue) settle(d *delivery, v verdict) {
	it := d.item
	if it.done {
		return // by another consumer or otherwise, after this one's time was over
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

// requeue makes deliveries ready again, each in its own queue. Each batch is delivered
// again before the next one comes back.
func (ch *channel) requeue(deliveries []*delivery, v verdict) {
	group := batches
	if v == lostChannel {
		group = ch.lostBatches
	}
	for _, batch := range group(deliveries) {
		q := batch[0].queue
		if q.kind == classic {
			slices.Reverse(batch) // each goes to its old place, which is fastest before the one put back last
		}
		for _, d := range batch {
			d.leave()
			if !d.late && !d.done { // else its message is ready, or gone, and keeps its place
				q.takeBack(d.item, v)
			}
		}
		q.backAgain()
	}
}

// takeBack puts a message back, or gives it up when it has failed too often.
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
	q.putBack(it)
}

// place gives a message that comes back its place, if that is not where it was.
func (q *queue) place(it *item, v verdict) {
	if q.kind != quorum {
		return
	}
	q.nextSeq++
	it.seq, it.level = q.nextSeq, q.ready.frontLevel()
	if gen := q.broker().gen; v != lostChannel && q.deliveryLimit == noLimit && gen.requeuesToEnd {
		it.level = q.level(gen, it.message)
		if q.ready.fair {
			it.level = 0 // whatever its priority was
		}
	}
}

// fails says whether v is a failed delivery.
func (q *queue) fails(v verdict) bool {
	if q.kind == classic && !q.broker().gen.classicCount {
		return false
	}
	returnsCount := q.broker().gen.countsReturns
	return v == lostChannel || v == refused || v == discarded && returnsCount || v == returned && !returnsCount
}

// deliveryCount is x-delivery-count.
func (q *queue) deliveryCount(it *item) int {
	if q.broker().gen.countsReturns {
		return it.acquiredCount()
	}
	return it.failures
}

// acquiredCount is x-acquired-count. Until the queue counts by itself, it is what a dead
// letter has brought along.
func (it *item) acquiredCount() int {
	if it.acquired == 0 {
		return it.failures
	}
	return it.acquired
}
