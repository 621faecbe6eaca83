package devbroker

import "time"

// shipping implements at-least-once dead-lettering: a message stays in its queue until all
// destinations have accepted it.
type shipping struct {
	waiting []*shipment
	stuck   []*shipment // tried, but not accepted by all destinations
	timer   *time.Timer
}

// shipment is a dead letter that is not confirmed yet.
type shipment struct {
	item   *item
	letter *message
	why    reason
	taken  map[*queue]bool // destinations that have accepted it
}

const (
	shipmentsAtOnce = 32              // largest number of unconfirmed dead letters
	shipAgain       = 3 * time.Minute // pause before a refused dead letter is tried again
)

// ship queues a dead letter to be sent in order.
func (q *queue) ship(s *shipment) {
	q.deaths.waiting = append(q.deaths.waiting, s)
	if len(q.deaths.waiting) == 1 {
		q.broker().later(q.shipWaiting)
	}
}

// shipWaiting sends waiting dead letters while fewer than shipmentsAtOnce are stuck.
func (q *queue) shipWaiting() {
	d := &q.deaths
	for len(d.waiting) > 0 && len(d.stuck) < shipmentsAtOnce && !q.deleted {
		s := d.waiting[0]
		d.waiting = d.waiting[1:]
		if !q.deliverShipment(s) {
			d.stuck = append(d.stuck, s)
		}
	}
	if len(d.stuck) > 0 && d.timer == nil && !q.deleted {
		d.timer = time.AfterFunc(shipAgain, func() { q.broker().do(q.shipStuck) })
	}
}

// shipStuck sends the stuck dead letters again.
func (q *queue) shipStuck() {
	q.deaths.timer = nil
	q.deaths.waiting = append(q.deaths.stuck, q.deaths.waiting...)
	q.deaths.stuck = nil
	q.shipWaiting()
}

// deliverShipment publishes the dead letter and reports whether all destinations have
// accepted it. A dead letter that would only cycle is dropped and counts as accepted.
func (q *queue) deliverShipment(s *shipment) bool {
	x := q.vhost.exchanges[q.deadLetterExchange]
	if x == nil || len(x.route(s.letter)) == 0 {
		return false
	}
	done := true
	for _, to := range q.destinations(s.letter, s.why) {
		if s.taken[to] {
			continue
		}
		if !to.publish(s.letter, q) {
			done = false
			continue
		}
		if s.taken == nil {
			s.taken = map[*queue]bool{}
		}
		s.taken[to] = true
	}
	if done {
		q.drop(s.item)
	}
	return done
}

// dropAll drops all dead letters when their queue is deleted.
func (d *shipping) dropAll(q *queue) {
	for _, s := range append(d.waiting, d.stuck...) {
		q.drop(s.item)
	}
	*d = shipping{}
}
