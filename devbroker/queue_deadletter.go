package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// deadLetter publishes a message that was removed from the queue to the dead-letter
// exchange, or drops it if there is none.
func (q *queue) deadLetter(it *item, why reason) {
	it.done = true
	if !q.deadLetters {
		q.drop(it)
		return
	}
	if q.atLeastOnce {
		q.ship(&shipment{item: it, letter: q.letter(it, why), why: why})
		return
	}
	letter := q.letter(it, why)
	q.drop(it)
	q.broker().later(func() {
		for _, to := range q.destinations(letter, why) {
			to.publish(letter, nil) // at most once: the dead letter is lost if the queue refuses it
		}
	})
}

// destinations returns the queues that a dead letter reaches, without the queues in which
// it would cycle.
func (q *queue) destinations(letter *message, why reason) []*queue {
	x := q.vhost.exchanges[q.deadLetterExchange]
	if x == nil {
		return nil
	}
	queues := x.route(letter)
	if why == rejected {
		return queues
	}
	return slices.DeleteFunc(queues, func(to *queue) bool { return cycles(letter.deaths, to.name) })
}

// letter returns the dead letter: the message with its death in the headers, and without
// its expiration.
func (q *queue) letter(it *item, why reason) *message {
	gen := q.broker().gen
	m := &message{
		exchange: q.deadLetterExchange, key: it.key, keys: it.keys, visibleKeys: it.visibleKeys,
		body: it.body, priority: it.priority, ttl: noTTL, parsed: it.parsed,
	}
	headers := it.headers().Clone()
	if q.deadLetterKey != nil {
		m.key, m.keys, m.visibleKeys = *q.deadLetterKey, []string{*q.deadLetterKey}, []string{*q.deadLetterKey}
		if gen.trustsDeaths {
			headers = headers.Delete("CC")
		}
	}
	past := it.deaths
	if gen.trustsDeaths {
		past = parseDeaths(it.headers())
	}
	m.deaths = addDeath(past, death{
		queue: q.name, reason: why, count: 1, at: time.Now(),
		exchange: it.exchange, keys: it.visibleKeys, expiration: it.parsed.Expiration,
	})
	if gen.carriesCount {
		m.failures = it.failures
	}
	m.parsed.Expiration = ""
	m.parsed.Present &^= wire.HasExpiration
	m.setHeaders(gen.deathHeaders(headers, m.deaths).Sort())
	return m
}

// deathHeaders sets the x-death headers.
func (g generation) deathHeaders(h wire.Table, deaths []death) wire.Table {
	_, before := h.Get("x-death")
	list := make([]any, 0, len(deaths))
	for _, d := range deaths {
		list = append(list, d.table())
	}
	h = h.Set("x-death", list)
	if g.lastDeath || !before {
		h = aboutDeath(h, "x-first-death-", deaths[len(deaths)-1])
	}
	if g.lastDeath {
		h = aboutDeath(h, "x-last-death-", deaths[0])
	}
	return h
}

func aboutDeath(h wire.Table, prefix string, d death) wire.Table {
	return h.Set(prefix+"exchange", d.exchange).Set(prefix+"queue", d.queue).Set(prefix+"reason", string(d.reason))
}
