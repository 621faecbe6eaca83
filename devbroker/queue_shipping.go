package devbroker

import "time"

// shipping is dead-lettering at least once: a message stays with its queue until all
// its destinations have taken it.
type shipping struct {
	waiting []*shipment
	stuck   []*shipment // were tried: nobody took them, or not everyone did
	timer   *time.Timer
}

// shipment is a dead letter on its way.
type shipment struct {
	item   *item
	letter *message
	why    reason
	taken  map[*queue]bool // destinations that have it already
}

const (
	shipmentsAtOnce = 32              // that may be without a confirm
	shipAgain       = 3 * time.Minute // after one was refused
)

// ship sends a dead letter, in turn.
func (q *queue) ship(s *shipment) {
	q.deaths.waiting = append(q.deaths.waiting, s)
	if len(q.deaths.waiting) == 1 {
		q.broker().later(q.shipWaiting)
	}
}

// shipWaiting sends what waits, while not too many are stuck.
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

// shipStuck tries once more what nobody took.
func (q *queue) shipStuck() {
	q.deaths.timer = nil
	q.deaths.waiting = append(q.deaths.stuck, q.deaths.waiting...)
	q.deaths.stuck = nil
	q.shipWaiting()
}

// deliverShipment says whether everyone has the dead letter now. One that would only
// go round for ever is done with.
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

// dropAll forgets everything, with its queue.
func (d *shipping) dropAll(q *queue) {
	for _, s := range append(d.waiting, d.stuck...) {
		q.drop(s.item)
	}
	*d = shipping{}
}
