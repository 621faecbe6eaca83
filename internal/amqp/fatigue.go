package amqp

import "time"

const (
	// nacksInARow is how many messages in a row a channel may refuse for one target before
	// another channel is tried. A full queue is right to refuse them. But in a cluster of
	// RabbitMQ 3.10, a channel whose first message met a dead node keeps refusing messages
	// that a new channel accepts.
	nacksInARow = 3
	// silences bounds how long a message may wait for its confirm, as a multiple of the
	// patience, whether or not others are confirmed. The message is then sent again on
	// another channel. The factor is large, because the first copy may still arrive.
	silences = 10

	defaultPatience = 30 * time.Second
	maxTargets      = 1000
)

// target is a destination of messages. Routing keys may differ from message to message, so
// refusals are counted for each exchange as well.
type target struct {
	exchange, key string
	keyed         bool
}

// fatigue detects a worn channel: one that refuses every message for a target, or confirms
// none. Only the goroutine of confirms calls its methods.
type fatigue struct {
	line     *pipeline
	patience time.Duration
	nacks    map[target]int // in a row
	sign     time.Time      // the latest ack, or moment at which the broker was blocked
	open     time.Time      // the latest moment at which the broker was blocked
}

func newFatigue(line *pipeline, patience time.Duration) fatigue {
	if patience <= 0 {
		patience = defaultPatience
	}
	return fatigue{line: line, patience: patience, nacks: make(map[target]int), sign: time.Now()}
}

// confirmed records an ack or a nack.
func (f *fatigue) confirmed(m *inFlight) {
	byKey, byExchange := target{m.id.exchange, m.id.key, true}, target{exchange: m.id.exchange}
	switch {
	case m.confirm.Acked():
		f.sign = time.Now()
		if len(f.nacks) > 0 {
			delete(f.nacks, byKey)
			delete(f.nacks, byExchange)
		}
		return
	case f.line.ch.IsClosed(): // not a nack: the confirm was lost
		return
	case len(f.nacks) > maxTargets:
		clear(f.nacks)
	}
	f.nacks[byKey]++
	f.nacks[byExchange]++
	if max(f.nacks[byKey], f.nacks[byExchange]) >= nacksInARow {
		f.line.wear()
	}
}

// review checks the messages that have waited long, oldest first.
func (f *fatigue) review(waiting []*inFlight, blocked bool) {
	now := time.Now()
	if blocked { // the broker has not read them yet
		f.sign, f.open = now, now
		return
	}
	for _, m := range waiting {
		since := later(m.sentAt, f.open)
		if now.Sub(later(since, f.sign)) > f.patience {
			f.line.wear()
		}
		if now.Sub(since) > silences*f.patience && !m.given.Load() {
			f.line.wear()
			f.line.hopeless.Store(true)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wear marks the channel as worn, so that another one replaces it.
func (p *pipeline) wear() { p.wornOnce.Do(func() { close(p.worn) }) }
