package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// retryPauses is how long a quorum queue keeps a requeued message before the message is ready
// again (x-delayed-retry-*).
type retryPauses struct {
	failed   bool // after a reject or a lost channel
	returned bool // after a nack
	shortest time.Duration
	longest  time.Duration
}

// retryPauses returns the pauses in the arguments of a queue. Without a longest pause each
// pause is the shortest one. RabbitMQ ignores a type that it does not know.
func (g generation) retryPauses(args wire.Table) retryPauses {
	a := values{args}
	kind := a.text("x-delayed-retry-type", "")
	if !g.delaysRetries {
		return retryPauses{}
	}
	p := retryPauses{
		failed: kind == "failed" || kind == "all", returned: kind == "returned" || kind == "all",
		shortest: max(a.milliseconds("x-delayed-retry-min", 0), 0),
	}
	p.longest = a.milliseconds("x-delayed-retry-max", p.shortest.Milliseconds())
	return p
}

// pause returns how long a requeued message waits: the shortest pause for each failed
// delivery, and at most the longest pause.
func (q *queue) pause(it *item, v verdict) time.Duration {
	p := q.pauses
	if failed := q.fails(v); q.kind != quorum || failed && !p.failed || !failed && !p.returned {
		return 0
	}
	failures := max(it.failures, 1)
	if p.shortest > p.longest/time.Duration(failures) { // the product may be longer than a Duration
		return p.longest
	}
	return p.shortest * time.Duration(failures)
}

// delay keeps a message from the consumers for d. Of messages that are due at the same time,
// the one that was requeued first is ready first.
func (q *queue) delay(it *item, d time.Duration) {
	it.due = time.Now().Add(d)
	i, _ := slices.BinarySearchFunc(q.delayed, it, func(other, it *item) int {
		if other.due.After(it.due) {
			return 1
		}
		return -1
	})
	q.delayed = slices.Insert(q.delayed, i, it)
	if i == 0 {
		q.watchDelayed()
	}
}

// endDelays makes the messages ready whose pauses are over.
func (q *queue) endDelays() {
	n, now := 0, time.Now()
	for ; n < len(q.delayed) && !q.delayed[n].due.After(now); n++ {
		if it := q.delayed[n]; !it.done { // otherwise it was acked late
			q.place(it, returned)
			q.putBack(it)
		}
	}
	q.delayed = slices.Delete(q.delayed, 0, n)
	q.watchDelayed()
	if n > 0 {
		q.backAgain()
	}
}

// watchDelayed sets the timer for the message that is due next.
func (q *queue) watchDelayed() {
	if q.retries != nil {
		q.retries.Stop()
		q.retries = nil
	}
	if len(q.delayed) > 0 && !q.deleted {
		q.retries = time.AfterFunc(time.Until(q.delayed[0].due), func() { q.broker().do(q.endDelays) })
	}
}

// dropDelayed drops the messages that wait for their retries, and returns their number.
func (q *queue) dropDelayed() (n int) {
	for _, it := range q.delayed {
		if !it.done {
			q.drop(it)
			n++
		}
	}
	q.delayed = nil
	q.watchDelayed()
	return n
}
