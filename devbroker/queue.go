package devbroker

import (
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// queueSettings are what a queue is declared with.
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
	owner *connection // who alone may use it; nil if everyone may

	ready        backlog
	nextSeq      uint64
	unacked      int
	leaving      int         // cancelled consumers that hold messages
	gets         int         // of unacked, those held by basic.get
	consumers    []*consumer // the higher priority first, and in turn among equals
	lastConsumer uint64      // the number of the last one
	active       *consumer   // the only one to receive, if singleActive
	deaths       shipping    // dead letters that wait for their confirm

	expiry *time.Timer // for the head that expires next
	unused *time.Timer // for x-expires

	publishers map[any]bool // channels, and queues with dead letters, to a quorum queue with reject-publish; true if it refuses them
	slacked    bool         // had slack when it last looked
	fresh      *item        // of a quorum queue, what was published last: it expires after the limits are applied

	waking  bool // is on the agenda
	paused  bool
	stalled bool // delivers nothing that is ready until something happens to its consumers
	deleted bool
}

func newQueue(v *vhost, s queueSettings, o options, owner *connection) *queue {
	q := &queue{queueSettings: s, options: o, vhost: v, owner: owner}
	levels := o.levels(v.broker.gen)
	if o.kind == quorum {
		levels++ // for what comes back
	}
	q.ready = newBacklog(levels, o.fair(v.broker.gen))
	q.used()
	return q
}

func (q *queue) targetName() string { return q.name }

func (q *queue) broker() *Broker { return q.vhost.broker }

// publish takes a message at the end of the queue; false if the queue refuses it. The
// publisher is nil for dead letters that may get lost.
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
		q.expire() // else a classic queue of RabbitMQ does not look
	}
	q.wake()
	return true
}

// deliverAtOnce hands a message to a consumer that waits for one, whatever the limits of
// the queue.
func (q *queue) deliverAtOnce(it *item) bool {
	if q.ready.count > 0 || q.paused {
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

// hold counts a copy of m, and its memory if it is the first.
func (q *queue) hold(m *message) {
	if m.copies++; m.copies == 1 {
		q.broker().charge(m.size())
	}
}

// drop forgets a message that was taken out.
func (q *queue) drop(it *item) {
	it.done = true
	if it.copies--; it.copies == 0 {
		q.broker().charge(-it.size())
	}
}

// putBack makes a message ready again; backAgain must follow.
func (q *queue) putBack(it *item) {
	if q.deleted {
		q.drop(it)
		return
	}
	it.redelivered = true
	q.ready.put(it)
}

// backAgain does what is due after messages were put back. A classic queue looks at its
// limits before it delivers.
func (q *queue) backAgain() {
	q.stalled = false
	if q.kind == classic {
		q.dropOverflow()
		q.expire()
	}
	q.deliver()
}

// wake has the queue deliver what it can, at the end of what is being done.
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

// deliver hands ready messages to consumers for as long as there are both. A quorum queue
// looks at its limits only after that.
func (q *queue) deliver() {
	if q.deleted {
		return
	}
	if q.kind == quorum {
		q.expire()
		defer q.checked()
	}
	for !q.paused && !q.stalled && q.ready.count > 0 {
		c := q.nextConsumer()
		if c == nil {
			return
		}
		c.deliver(q.ready.take())
		q.expire()
	}
}

// checked ends what a quorum queue does after each method: it applies its limits, and then
// the message that was published can expire.
func (q *queue) checked() {
	q.limit()
	if q.fresh != nil {
		q.fresh = nil
		q.expire()
		q.limit()
	}
}

// purge drops what is ready and returns how much that was.
func (q *queue) purge() int {
	count := q.ready.count
	for it := q.ready.take(); it != nil; it = q.ready.take() {
		q.drop(it)
	}
	q.ready.turn = 0
	q.limit()
	return count
}

// delete ends the queue: its consumers are told, and its messages are gone.
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

// used begins the time anew after which an unused queue is deleted (x-expires).
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
	for _, t := range []*time.Timer{q.expiry, q.unused, q.deaths.timer} {
		if t != nil {
			t.Stop()
		}
	}
}
