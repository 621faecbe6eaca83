package devbroker

import (
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// queueSettings holds the parameters of a queue's declaration.
type queueSettings struct {
	name       string
	durable    bool
	autoDelete bool
	exclusive  bool
	args       wire.Table
}

// queue holds messages for its consumers.
type queue struct {
	queueSettings
	options
	vhost *vhost
	owner *connection // connection that owns an exclusive queue; nil for other queues

	ready        backlog
	nextSeq      uint64
	unacked      int
	leaving      int         // cancelled consumers that hold messages
	gets         int         // unacked deliveries of basic.get
	consumers    []*consumer // by priority, highest first; consumers of equal priority take turns
	lastConsumer uint64      // number of the latest consumer
	active       *consumer   // the only consumer that receives, if singleActive
	deaths       shipping    // dead letters that wait for confirms
	delayed      []*item     // requeued messages that wait for their retries, by due time

	expiry  *time.Timer // timer for the head that expires next
	unused  *time.Timer // timer for x-expires
	retries *time.Timer // timer for the delayed message that is due next

	publishers map[any]bool // publishers (channels, or queues that dead-letter) to a quorum queue with reject-publish; true if refused
	slacked    bool         // result of slack when the limits were last applied
	fresh      *item        // quorum: the message published last, which expires only after the limits are applied

	waking     bool // deliver is on the agenda
	paused     bool
	leaderless bool // a quorum queue that cannot answer
	stalled    bool // holds back ready messages until its consumers change
	deleted    bool
}

func newQueue(v *vhost, s queueSettings, o options, owner *connection) *queue {
	q := &queue{queueSettings: s, options: o, vhost: v, owner: owner}
	levels := o.levels(v.broker.gen)
	if o.kind == quorum {
		levels++ // for requeued messages
	}
	q.ready = newBacklog(levels, o.fair(v.broker.gen))
	q.used()
	return q
}

func (q *queue) targetName() string { return q.name }

func (q *queue) broker() *Broker { return q.vhost.broker }

// publish appends a message to the queue. It returns false if the queue refuses it. The
// publisher is nil for dead letters with the at-most-once strategy.
func (q *queue) publish(m *message, publisher any) bool {
	switch {
	case q.overflow == rejectPublish && q.refuses(publisher):
		return false
	case q.overflow == rejectPublishDLX && q.full():
		q.hold(m)
		q.deadLetter(&item{message: m}, maxlen)
		return false
	}
	q.nextSeq++
	it := &item{message: m, seq: q.nextSeq, level: q.level(q.broker().gen, m), weight: q.weigh(m), failures: m.failures}
	if q.kind == quorum {
		it.redelivered = m.failures > 0
	}
	q.setExpiry(it)
	q.hold(m)
	if q.deliverAtOnce(it) {
		return true
	}
	it.redelivered = it.redelivered || m.failures > 0 && q.maxPriority == 0 && q.broker().gen.classicCount
	q.ready.put(it)
	if q.kind == quorum {
		q.fresh = it
	} else if q.dropOverflow() || q.ready.count == 1 {
		q.expire() // otherwise a classic queue of RabbitMQ does not check for expired messages
	}
	q.wake()
	return true
}

// deliverAtOnce delivers a message to a waiting consumer. The limits of the queue do not
// apply.
func (q *queue) deliverAtOnce(it *item) bool {
	if q.ready.count > 0 || q.paused || q.leaderless {
		return false
	}
	c := q.nextConsumer()
	if c == nil {
		return false
	}
	q.stalled = false
	c.deliver(it)
	return true
}

// hold counts a copy of m. For the first copy it also counts the memory.
func (q *queue) hold(m *message) {
	if m.copies++; m.copies == 1 {
		q.broker().charge(m.size())
	}
}

// drop discards a message that was removed from the backlog.
func (q *queue) drop(it *item) {
	it.done = true
	if it.copies--; it.copies == 0 {
		q.broker().charge(-it.size())
	}
}

// putBack makes a message ready again. The caller must call backAgain afterwards.
func (q *queue) putBack(it *item) {
	if q.deleted {
		q.drop(it)
		return
	}
	it.redelivered = true
	q.ready.put(it)
}

// backAgain applies limits and delivers after messages were put back. A classic queue
// applies its limits before it delivers.
func (q *queue) backAgain() {
	q.stalled = false
	if q.kind == classic {
		q.dropOverflow()
		q.expire()
	}
	q.deliver()
}

// wake puts deliver on the agenda.
func (q *queue) wake() {
	if q.waking || q.deleted {
		return
	}
	q.waking = true
	q.broker().later(func() {
		q.waking = false
		q.deliver()
	})
}

// deliver delivers ready messages while a consumer is ready. A quorum queue applies its
// limits only after that.
func (q *queue) deliver() {
	if q.deleted {
		return
	}
	if q.kind == quorum {
		q.expire()
		defer q.checked()
	}
	for !q.paused && !q.leaderless && !q.stalled && q.ready.count > 0 {
		c := q.nextConsumer()
		if c == nil {
			return
		}
		c.deliver(q.ready.take())
		q.expire()
	}
}

// checked runs at the end of each method on a quorum queue: it applies the limits, and then
// lets the published message expire.
func (q *queue) checked() {
	q.limit()
	if q.fresh != nil {
		q.fresh = nil
		q.expire()
		q.limit()
	}
}

// purge drops the ready and the delayed messages and returns their number.
func (q *queue) purge() int {
	count := q.ready.count + q.dropDelayed()
	for it := q.ready.take(); it != nil; it = q.ready.take() {
		q.drop(it)
	}
	q.ready.turn = 0
	q.limit()
	return count
}

// delete deletes the queue and its messages, and cancels its consumers.
func (q *queue) delete() int {
	if q.deleted {
		return 0
	}
	count := q.purge()
	q.deleted = true
	q.stopTimers()
	for _, c := range q.consumers {
		c.cancelledByBroker()
	}
	q.consumers = nil
	q.deaths.dropAll(q)
	delete(q.vhost.queues, q.name)
	q.vhost.forget(q)
	q.vhost.forgetPublisher(q)
	return count
}

// used restarts the timer after which an unused queue is deleted (x-expires).
func (q *queue) used() {
	if q.expires <= 0 {
		return
	}
	if q.unused != nil {
		q.unused.Stop()
	}
	q.unused = time.AfterFunc(q.expires, func() {
		q.broker().do(func() {
			if len(q.consumers) == 0 {
				q.delete()
			} else {
				q.used()
			}
		})
	})
}

func (q *queue) stopTimers() {
	for _, t := range []*time.Timer{q.expiry, q.unused, q.retries, q.deaths.timer} {
		if t != nil {
			t.Stop()
		}
	}
}
