// Package retry says when something that failed is tried again: a Policy is the
// schedule, and the marks (Permanent, After, Snooze, Discard) let one error say
// that the schedule does not suit it.
package retry

import (
	"cmp"
	"math"
	"time"

	"github.com/warren-mq/warren/internal/check"
)

// Policy is a schedule of exponentially growing pauses. It is a plain value: it
// keeps no state, so it may be copied, compared, and used by many goroutines at
// once. Zero fields take their values from Default.
//
// The names and the arithmetic are those of cenkalti/backoff.
type Policy struct {
	// MaxAttempts is how often the work is tried in all, the first run included.
	// 1 disables retries; a negative number removes the limit. Zero means 20.
	MaxAttempts int
	// InitialInterval is the pause after the first failure; 1s if zero.
	InitialInterval time.Duration
	// Multiplier is what each pause is times the one before, 1 or more; 2 if zero.
	Multiplier float64
	// MaxInterval caps the pause before it is randomized. Zero means 10 min.
	MaxInterval time.Duration
	// RandomizationFactor spreads a pause by up to this part of it, at most 1, to
	// either side; negative is not at all; 0.2 if zero.
	RandomizationFactor float64
}

// Default returns the policy that zero fields take their values from: 20 attempts, the
// first pause 1 s, each twice the one before, at most 10 min, spread by a fifth. The
// pauses last about 1 h 47 min in all, so that a message outlives an outage of what its
// handler calls.
func Default() Policy {
	return Policy{
		MaxAttempts:         20,
		InitialInterval:     time.Second,
		Multiplier:          2,
		MaxInterval:         10 * time.Minute,
		RandomizationFactor: 0.2,
	}
}

// WithDefaults returns p with each zero field replaced by that of Default.
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

// Validate returns every fault of p at once, joined, or nil.
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

// Delay returns the pause after the given attempt failed, without randomness.
// Attempts count from 1; a smaller number is taken for 1. The pause is never
// negative, never more than MaxInterval, and does not overflow for any attempt.
func (p Policy) Delay(attempt int) time.Duration {
	p = p.WithDefaults()
	f := float64(p.InitialInterval) * math.Pow(p.Multiplier, float64(max(attempt, 1)-1))
	if !(f < float64(p.MaxInterval)) { // also when f is not a number
		return max(p.MaxInterval, 0)
	}
	return max(time.Duration(f), 0)
}

// Randomized returns Delay(attempt) spread by the RandomizationFactor: random,
// which is in [0, 1), picks the place between the shortest and the longest. So it
// may exceed MaxInterval by that factor, as backoff's does; it never overflows.
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

// Exhausted says that no attempt is left after the given one, counted from 1.
func (p Policy) Exhausted(attempt int) bool {
	limit := p.WithDefaults().MaxAttempts
	return limit >= 0 && attempt >= limit
}
