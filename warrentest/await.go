package warrentest

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bell wakes waiting goroutines when an event happens. It also counts outcomes.
type bell struct {
	mu      sync.Mutex
	rung    chan struct{} // closed by the next ring; nil while no goroutine waits
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

// next returns a channel that the next ring closes, and the number of outcomes so far.
func (b *bell) next() (rung <-chan struct{}, settled int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung, b.settled
}

// pace configures a wait. The wait checks its condition at each ring of the bell. Since the
// broker rings no bell, the wait also checks after pauses that double up to longest. It fails
// when no message was settled for patience, or after rounds times patience, which ends a wait
// on a message that is retried without limit.
type pace struct{ longest, patience time.Duration }

const (
	shortest = time.Millisecond // the first pause after a ring
	rounds   = 10               // the longest wait, as a multiple of patience
)

// starting is the pace of the wait until a worker is ready. It is longer than the worker's
// default limit for its start, so that the worker's own error comes first.
func starting() pace { return pace{longest: 20 * time.Millisecond, patience: time.Minute} }

// working is the pace of all other waits. In a bubble, whose clock starts in the year 2000,
// the patience is longer than any delay.
func working() pace {
	if time.Now().Year() < 2020 {
		return pace{longest: time.Hour, patience: 10 * 24 * time.Hour}
	}
	return pace{longest: 20 * time.Millisecond, patience: 30 * time.Second}
}

// await returns when done returns true. If that takes too long, it fails the test with the
// text that instead returns.
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

// rest waits until all other goroutines of the bubble are blocked, so that no work is left at
// this instant of its clock. Outside a bubble, and while another goroutine calls
// synctest.Wait, synctest panics; await then relies on its pauses.
func rest() {
	defer func() { _ = recover() }()
	synctest.Wait()
}
