// Package retry decides when failed work is retried. A Policy is the schedule. The marks
// (Permanent, After, Snooze, Discard) let a single error replace the schedule.
package retry

import (
	"cmp"
	"math"
	"time"

	"github.com/warren-mq/warren/internal/check"
)

// Policy is a schedule of exponentially growing delays. It is a plain value without
// state: it may be copied and compared, and is safe for concurrent use. Zero fields take
// their values from Default.
//
// The names and the arithmetic follow cenkalti/backoff.
type Policy struct {
	// MaxAttempts is the total number of attempts, including the first. 1 disables
	// retries. A negative number means no limit. Zero means 20.
	MaxAttempts int
	// InitialInterval is the delay after the first failure. Zero means 1 s.
	InitialInterval time.Duration
	// Multiplier is the factor by which each delay exceeds the previous one, 1 or more.
	// Zero means 2.
	Multiplier float64
	// MaxInterval limits the delay before it is randomized. Zero means 10 min.
	MaxInterval time.Duration
	// RandomizationFactor randomizes each delay by up to this fraction in both
	// directions, at most 1. A negative number disables it. Zero means 0.2.
	RandomizationFactor float64
}

// Default returns the policy that zero fields take their values from: 20 attempts, a first
// delay of 1 s that doubles each time up to 10 min, and randomization by 20 percent. The
// delays add up to about 1 h 47 min, so that a message outlasts an outage of a service that
// its handler calls.
func Default() Policy {
	return Policy{
		MaxAttempts:         20,
		InitialInterval:     time.Second,
		Multiplier:          2,
		MaxInterval:         10 * time.Minute,
		RandomizationFactor: 0.2,
	}
}

// WithDefaults returns p with each zero field replaced by its value from Default.
func (p Policy) WithDefaults() Policy {
	d := Default()
	return Policy{
		MaxAttempts:         cmp.Or(p.MaxAttempts, d.MaxAttempts),
		InitialInterval:     cmp.Or(p.InitialInterval, d.InitialInterval),
		Multiplier:          cmp.Or(p.Multiplier, d.Multiplier),
		MaxInterval:         cmp.Or(p.MaxInterval, d.MaxInterval),
		RandomizationFactor: cmp.Or(p.RandomizationFactor, d.RandomizationFactor),
	}
}

// Validate returns an error that joins every invalid field of p, or nil.
func (p Policy) Validate() error {
	p = p.WithDefaults()
	f := check.Of("retry")
	f.Addf(p.InitialInterval <= 0, "initial interval is %v, want more than 0", p.InitialInterval)
	f.Addf(p.MaxInterval <= 0, "max interval is %v, want more than 0", p.MaxInterval)
	f.Addf(p.MaxInterval > 0 && p.MaxInterval < p.InitialInterval,
		"max interval is %v, want the initial interval %v or more", p.MaxInterval, p.InitialInterval)
	f.Addf(!(p.Multiplier >= 1) || math.IsInf(p.Multiplier, 1), "multiplier is %v, want 1 or more", p.Multiplier)
	f.Addf(!(p.RandomizationFactor <= 1), "randomization factor is %v, want 1 or less", p.RandomizationFactor)
	return f.Err()
}

// Delay returns the delay after the given failed attempt, without randomization. Attempts
// count from 1; a smaller number means 1. The delay is never negative, never more than
// MaxInterval, and does not overflow for any attempt.
func (p Policy) Delay(attempt int) time.Duration {
	p = p.WithDefaults()
	f := float64(p.InitialInterval) * math.Pow(p.Multiplier, float64(max(attempt, 1)-1))
	if !(f < float64(p.MaxInterval)) { // true also if f is NaN
		return max(p.MaxInterval, 0)
	}
	return max(time.Duration(f), 0)
}

// Randomized returns Delay(attempt) randomized by RandomizationFactor: random, in [0, 1),
// selects a value between the shortest and the longest delay. The result may exceed
// MaxInterval by that factor, as in backoff. It never overflows.
func (p Policy) Randomized(attempt int, random float64) time.Duration {
	delay := p.Delay(attempt)
	factor := min(p.WithDefaults().RandomizationFactor, 1)
	if !(factor > 0) {
		return delay
	}
	f := float64(delay) * (1 - factor + 2*factor*random)
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(time.Duration(f), 0)
}

// Exhausted reports whether the given attempt, counted from 1, was the last.
func (p Policy) Exhausted(attempt int) bool {
	limit := p.WithDefaults().MaxAttempts
	return limit >= 0 && attempt >= limit
}
