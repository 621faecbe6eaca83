package retry_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/retry"
)

func TestDelayGrowsUpToTheMaxInterval(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		policy  retry.Policy
		attempt int
		want    time.Duration
	}{
		{"the first pause is the initial interval", retry.Policy{}, 1, time.Second},
		{"each pause is the multiple of the one before", retry.Policy{}, 4, 8 * time.Second},
		{"the last below the cap is not capped", retry.Policy{}, 10, 512 * time.Second},
		{"the cap holds", retry.Policy{}, 11, 10 * time.Minute},
		{"the cap holds for every later attempt", retry.Policy{}, math.MaxInt, 10 * time.Minute},
		{"attempt 0 is taken for 1", retry.Policy{}, 0, time.Second},
		{"a negative attempt is taken for 1", retry.Policy{}, math.MinInt, time.Second},
		{"multiplier 1 is a constant pause", retry.Policy{Multiplier: 1}, 1000, time.Second},
		{"a multiplier may be broken", retry.Policy{Multiplier: 1.5}, 3, 2250 * time.Millisecond},
		{"the longest cap does not overflow", retry.Policy{MaxInterval: math.MaxInt64}, 64, math.MaxInt64},
		{"an endless multiplier saturates", retry.Policy{Multiplier: math.Inf(1)}, 2, 10 * time.Minute},
		{"no number for a multiplier saturates", retry.Policy{Multiplier: math.NaN()}, 2, 10 * time.Minute},
		{"a negative interval means 0", retry.Policy{InitialInterval: -time.Hour}, 3, 0},
		{"a negative cap means 0", retry.Policy{MaxInterval: -time.Hour}, 3, 0},
		{"a single nanosecond grows", retry.Policy{InitialInterval: 1}, 11, 1024},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.policy.Delay(tt.attempt); got != tt.want {
				t.Errorf("Delay(%d) = %v, want %v", tt.attempt, got, tt.want)
			}
		})
	}
}

func TestRandomizedSpreadsTheDelay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy retry.Policy
		random float64
		want   time.Duration
	}{
		{"0 is the shortest", retry.Policy{}, 0, 800 * time.Millisecond},
		{"a half is the delay itself", retry.Policy{}, 0.5, time.Second},
		{"nearly 1 is nearly the longest", retry.Policy{RandomizationFactor: 1}, 0.75, 1500 * time.Millisecond},
		{"a negative factor spreads nothing", retry.Policy{RandomizationFactor: -1}, 0, time.Second},
		{"a factor above 1 is taken for 1", retry.Policy{RandomizationFactor: 9}, 0, 0},
		{"no number for a factor spreads nothing", retry.Policy{RandomizationFactor: math.NaN()}, 0, time.Second},
		{"the longest does not overflow", retry.Policy{
			InitialInterval: math.MaxInt64, MaxInterval: math.MaxInt64,
		}, 0.9, math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.policy.Randomized(1, tt.random); got != tt.want {
				t.Errorf("Randomized(1, %v) = %v, want %v", tt.random, got, tt.want)
			}
		})
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		max     int
		attempt int
		want    bool
	}{
		{"zero is the default of 20: 19 leave one", 0, 19, false},
		{"zero is the default of 20: the 20th is the last", 0, 20, true},
		{"one is never again", 1, 1, true},
		{"beyond the last is exhausted too", 3, 9, true},
		{"negative is without limit", -1, math.MaxInt, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := (retry.Policy{MaxAttempts: tt.max}).Exhausted(tt.attempt); got != tt.want {
				t.Errorf("Exhausted(%d) of %d = %v, want %v", tt.attempt, tt.max, got, tt.want)
			}
		})
	}
}

func TestWithDefaultsFillsOnlyZeroFields(t *testing.T) {
	t.Parallel()
	if got := (retry.Policy{}).WithDefaults(); got != retry.Default() {
		t.Errorf("zero policy = %+v, want %+v", got, retry.Default())
	}
	whole := retry.Policy{
		MaxAttempts: -1, InitialInterval: 2, Multiplier: 3, MaxInterval: 4, RandomizationFactor: -0.5,
	}
	if got := whole.WithDefaults(); got != whole {
		t.Errorf("whole policy = %+v, want it unchanged: %+v", got, whole)
	}
}

func TestValidateReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy retry.Policy
		want   []string
	}{
		{"the zero policy is right", retry.Policy{}, nil},
		{"no limit and no spread are right", retry.Policy{MaxAttempts: -1, RandomizationFactor: -1}, nil},
		{"a cap below the first pause", retry.Policy{InitialInterval: time.Hour}, []string{
			"retry: max interval is 10m0s, want the initial interval 1h0m0s or more",
		}},
		{"shrinking pauses", retry.Policy{Multiplier: 0.5}, []string{"retry: multiplier is 0.5, want 1 or more"}},
		{"no numbers", retry.Policy{Multiplier: math.NaN(), RandomizationFactor: math.NaN()}, []string{
			"retry: multiplier is NaN, want 1 or more",
			"retry: randomization factor is NaN, want 1 or less",
		}},
		{"everything wrong", retry.Policy{
			InitialInterval: -1, MaxInterval: -1, Multiplier: math.Inf(1), RandomizationFactor: 2,
		}, []string{
			"retry: initial interval is -1ns, want more than 0",
			"retry: max interval is -1ns, want more than 0",
			"retry: multiplier is +Inf, want 1 or more",
			"retry: randomization factor is 2, want 1 or less",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := tt.policy.Validate(); err != nil {
				got = err.Error()
			}
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func FuzzDelay(f *testing.F) {
	f.Add(int64(0), 0.0, int64(0), 0.0, 1, 0.5)
	f.Add(int64(math.MaxInt64), 1e308, int64(math.MaxInt64), 1.0, math.MaxInt, 0.999)
	f.Add(int64(-1), -2.0, int64(math.MinInt64), -1.0, math.MinInt, 0.0)
	f.Fuzz(func(t *testing.T, initial int64, multiplier float64, longest int64, factor float64, attempt int, random float64) {
		p := retry.Policy{
			InitialInterval: time.Duration(initial), Multiplier: multiplier,
			MaxInterval: time.Duration(longest), RandomizationFactor: factor,
		}
		limit := max(p.WithDefaults().MaxInterval, 0)
		delay := p.Delay(attempt)
		if delay < 0 || delay > limit {
			t.Errorf("%+v: Delay(%d) = %v, want 0 to %v", p, attempt, delay, limit)
		}
		if p.Validate() != nil || attempt == math.MaxInt {
			return
		}
		if next := p.Delay(attempt + 1); next < delay {
			t.Errorf("%+v: Delay(%d) = %v, then %v, want no less", p, attempt, delay, next)
		}
		if random >= 0 && random < 1 {
			if got := p.Randomized(attempt, random); got < 0 || got/2 > delay {
				t.Errorf("%+v: Randomized(%d, %v) = %v, want 0 to twice %v", p, attempt, random, got, delay)
			}
		}
	})
}

// TestTheDefaultPolicyOutlivesAnOutage checks that the default delays add up to 1.5 to 2 hours.
func TestTheDefaultPolicyOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	var whole time.Duration
	p := retry.Default()
	for attempt := 1; !p.Exhausted(attempt); attempt++ {
		whole += p.Delay(attempt)
	}
	if whole < 90*time.Minute || whole > 2*time.Hour {
		t.Errorf("the delays add up to %v, want 1h30m to 2h", whole)
	}
}
