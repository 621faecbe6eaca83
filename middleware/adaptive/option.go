package adaptive

import (
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// settings are the pace of a Limiter. docs/decisions/0022-adaptive-concurrency.md has the measurements.
type settings struct {
	window   time.Duration
	messages uint // that a window needs
	history  uint // windows
}

const (
	longest     = 300 * time.Millisecond // of a window in which messages take long
	correlation = 20                     // windows in which more messages at a time are compared with longer times
)

func defaults() settings { return settings{window: 100 * time.Millisecond, messages: 20, history: 500} }

// Option changes a Limiter.
type Option func(*settings)

// WithWindow sets how often the limit may change: once in each window of d, if that many messages were
// handled in it. The default is 100 ms and 20 messages. A shorter window follows a service faster, and
// fewer messages make the limit depend more on single ones. WithWindow panics if d or messages is not
// positive.
func WithWindow(d time.Duration, messages int) Option {
	if d <= 0 || messages < 1 {
		panic(fmt.Sprintf("adaptive: want a window of more than 0 s and 1 or more messages (got %v and %d)", d, messages))
	}
	return func(s *settings) { s.window, s.messages = d, uint(messages) }
}

// WithHistory sets how many windows the average has that recent messages are compared with. The default is
// 500. With fewer windows, the slow times of a service become the new average sooner, and the limit rises again.
// WithHistory panics if windows is not positive.
func WithHistory(windows int) Option {
	if windows < 1 {
		panic(fmt.Sprintf("adaptive: want a history of 1 or more windows (got %d)", windows))
	}
	return func(s *settings) { s.history = uint(windows) }
}

// build returns the limiter for limits of least to most messages at a time.
func (s settings) build(least, most int) adaptivelimiter.AdaptiveLimiter[any] {
	return adaptivelimiter.NewBuilder[any]().WithLimits(uint(least), uint(most), uint(least)).
		WithRecentWindow(s.window, max(longest, s.window), s.messages).WithBaselineWindow(s.history).WithCorrelationWindow(correlation).Build()
}
