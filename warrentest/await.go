package warrentest

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bell wakes those who wait for something to happen.
type bell struct {
	mu      sync.Mutex
	rung    chan struct{} // closed by the next ring; nil while nobody waits
	settled int           // messages that got an outcome
}

func (b *bell) ring(settled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if settled {
		b.settled++
	}
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// next is closed by the next ring.
func (b *bell) next() (rung <-chan struct{}, settled int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung, b.settled
}

// pace is how a wait goes on: it looks when the bell rings and, as the broker rings
// none, after pauses that double up to longest. It ends when no message was settled for
// patience, or as many were as a message that goes round for ever.
type pace struct{ longest, patience time.Duration }

const (
	shortest = time.Millisecond // the first pause after a ring
	rounds   = 10               // of patience, at most
)

// starting is the pace of the time until a worker is ready. Before it ends, the worker
// gives up by itself, unless told otherwise.
func starting() pace { return pace{longest: 20 * time.Millisecond, patience: time.Minute} }

// working is the pace of everything later. In a bubble, whose clock begins in the year
// 2000, its patience is longer than any delay.
func working() pace {
	if time.Now().Year() < 2020 {
		return pace{longest: time.Hour, patience: 10 * 24 * time.Hour}
	}
	return pace{longest: 20 * time.Millisecond, patience: 30 * time.Second}
}

// await returns when done says so. If that takes too long, the test ends with what
// instead tells.
func (p pace) await(tb testing.TB, b *bell, done func() bool, instead func() string) {
	tb.Helper()
	began, before := time.Now(), 0
	last := began
	for pause := shortest; ; pause = min(2*pause, p.longest) {
		rung, settled := b.next()
		rest()
		if done() {
			return
		}
		if settled > before {
			before, last = settled, time.Now()
		}
		if time.Since(last) > p.patience || time.Since(began) > rounds*p.patience {
			tb.Fatalf("warrentest: waited %v, but %s", time.Since(began).Round(time.Millisecond), instead())
		}
		select {
		case <-rung:
			pause = shortest / 2
		case <-time.After(pause):
		}
	}
}

// rest waits until everyone else in the bubble does, so that there is nothing to be
// done at this moment of its clock. Elsewhere, and beside another one who waits so,
// synctest panics, and the pauses of await have to do.
func rest() {
	defer func() { _ = recover() }()
	synctest.Wait()
}
