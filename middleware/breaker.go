package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/throttle"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Breaker is a circuit breaker: it stops calling the handler while a service that the
// handler calls is down. settings decides when the circuit opens. While it is open,
// messages wait and keep their worker goroutines, so that the queue stops fetching. No
// attempt is spent, and the broker counts no delivery. After settings.Timeout,
// settings.MaxRequests of the waiting messages are handled as probes, and the others
// wait for the result of the probes.
//
// A wait ends with handler.ErrStopping if the worker begins to drain, and with the cause
// of ctx if ctx is done. A wait longer than RabbitMQ's consumer timeout, 30 minutes by
// default, makes the broker close the channel and deliver the messages again. A probe that
// does not return keeps the other messages waiting, so give the queue a Timeout.
//
// If settings.IsSuccessful is nil, every error is a failure except errors marked by
// retry.Discard, retry.Snooze and retry.Permanent, which are about the message and not about
// the service. A panic is a failure. If settings.IsExcluded is nil, handler.ErrStopping is
// neither a failure nor a success.
func Breaker(settings gobreaker.Settings) handler.Middleware {
	b := newBreaker(settings)
	return func(next handler.Handler) handler.Handler {
		return throttle.WithBreaker(b, next, func(ctx context.Context, m *message.Message) error {
			done, err := b.enter(ctx)
			if err != nil {
				return err
			}
			return watch(ctx, next, m, func(err error) {
				done(err)
				b.leave()
			})
		})
	}
}

type breaker struct {
	name    string
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	waiting atomic.Int64

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever those waiting should try again
	probeAt time.Time     // when the circuit, if open, lets a probe through
}

func newBreaker(s gobreaker.Settings) *breaker {
	b := &breaker{name: s.Name, changed: make(chan struct{})}
	if s.Timeout <= 0 {
		s.Timeout = time.Minute // gobreaker's default, which probeAt has to know
	}
	if s.IsSuccessful == nil {
		s.IsSuccessful = healthy
	}
	if s.IsExcluded == nil {
		s.IsExcluded = func(err error) bool { return errors.Is(err, handler.ErrStopping) }
	}
	onStateChange := s.OnStateChange
	s.OnStateChange = func(name string, from, to gobreaker.State) {
		b.announce(to, s.Timeout)
		if onStateChange != nil {
			onStateChange(name, from, to)
		}
	}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](s)
	return b
}

// Name, State and Waiting are what the worker measures.
func (b *breaker) Name() string  { return b.name }
func (b *breaker) State() string { return b.circuit.State().String() }
func (b *breaker) Waiting() int  { return int(b.waiting.Load()) }

func healthy(err error) bool {
	_, snoozed := retry.SnoozeDelay(err)
	return err == nil || snoozed || retry.IsDiscard(err) || permanent(err)
}

// enter returns when the circuit allows this message to be handled.
func (b *breaker) enter(ctx context.Context) (done func(error), err error) {
	if done, err = b.circuit.Allow(); err == nil {
		return done, nil
	}
	throttle.Held(ctx)
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	for {
		changed, probeAt := b.awaited() // before asking, so that no change is missed
		done, refused := b.circuit.Allow()
		if refused == nil {
			return done, nil
		}
		if err := b.wait(ctx, refused, changed, probeAt); err != nil {
			return nil, fmt.Errorf("middleware: waiting for circuit breaker %q: %w", b.name, err)
		}
	}
}

// wait returns when the state of the circuit may have changed. An open circuit changes after
// its timeout, and a half-open one with the results of its probes.
func (b *breaker) wait(ctx context.Context, refused error, changed <-chan struct{}, probeAt time.Time) error {
	if !errors.Is(refused, gobreaker.ErrOpenState) {
		return wait(ctx, nil, changed)
	}
	timer := time.NewTimer(time.Until(probeAt) + time.Millisecond) // the circuit wants the time to be past
	defer timer.Stop()
	return wait(ctx, timer.C, changed)
}

// leave wakes the waiting messages, because a probe that is neither a failure nor a success
// has left its place free.
func (b *breaker) leave() {
	if b.waiting.Load() > 0 && b.circuit.State() == gobreaker.StateHalfOpen {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wake()
	}
}

// announce is called by the circuit when its state changes. The circuit holds its lock.
func (b *breaker) announce(to gobreaker.State, timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to == gobreaker.StateOpen {
		b.probeAt = time.Now().Add(timeout)
	}
	b.wake()
}

func (b *breaker) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *breaker) awaited() (changed <-chan struct{}, probeAt time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed, b.probeAt
}
