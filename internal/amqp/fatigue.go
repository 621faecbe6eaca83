package amqp

import "time"

const (
	// nacksInARow is how many messages to one target a channel may have refused, with
	// none confirmed between them, before another channel is tried. A full queue refuses
	// them rightly; but in a cluster of RabbitMQ 3.10 a channel whose first message met a
	// dead node goes on refusing what a fresh channel takes.
	nacksInARow = 3
	// silences is how many times the patience a message may wait for its confirm while
	// others are confirmed, or while nothing is, before it is sent again on another
	// channel. It is large, since the first copy may still arrive.
	silences = 10

	defaultPatience = 30 * time.Second
	maxTargets      = 1000
)

// target is where messages go. Routing keys may differ from message to message, so that an exchange counts by itself too.
type target struct {
	exchange, key string
	keyed         bool
}

// fatigue watches for a channel that is worn: it refuses everything for a target, or
// confirms nothing. Its methods are for the books' goroutine.
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

// confirmed notes an ack or a nack.
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
	case f.line.ch.IsClosed(): // no nack: its confirm was lost
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

// review looks at the messages that wait for long, oldest first.
func (f *fatigue) review(waiting []*inFlight, blocked bool) {
	now := time.Now()
	if blocked { // the broker has not even read them
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

// wear says that another channel would do better.
func (p *pipeline) wear() { p.wornOnce.Do(func() { close(p.worn) }) }
