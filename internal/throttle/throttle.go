// Package throttle lets a worker find the middleware of its queues that hold messages back, adaptive
// limits and circuit breakers, and lets an adaptive limit know which messages a breaker has held back.
package throttle

import (
	"slices"

	"github.com/warren-mq/warren/handler"
)

// Limit is a limit of the messages that are handled at a time. Its type must be comparable.
type Limit interface {
	Limit() int // how many messages may be handled now
	InUse() int // how many are being handled
}

// Breaker is a circuit breaker. Its type must be comparable.
type Breaker interface {
	Name() string
	State() string // Closed, HalfOpen or Open
	Waiting() int  // messages that wait until it closes
}

// States of a Breaker.
const (
	Closed   = "closed"
	HalfOpen = "half-open"
	Open     = "open"
)

// States returns the states of a Breaker, the worst last.
func States() []string { return []string{Closed, HalfOpen, Open} }

// All are the limits and breakers of a queue, without duplicates.
type All struct {
	Limits   []Limit
	Breakers []Breaker
}

// throttled is a handler of a middleware that holds messages back.
type throttled struct {
	handler.Func
	all All // also of the handler that it calls
}

// WithLimit returns h as the handler of a middleware that has limit l around next.
func WithLimit(l Limit, next handler.Handler, h handler.Func) handler.Handler {
	t := &throttled{Func: h, all: All{Limits: []Limit{l}}}
	t.all.Add(next)
	return t
}

// WithBreaker returns h as the handler of a middleware that has breaker b around next.
func WithBreaker(b Breaker, next handler.Handler, h handler.Func) handler.Handler {
	t := &throttled{Func: h, all: All{Breakers: []Breaker{b}}}
	t.all.Add(next)
	return t
}

// Add adds the limits and breakers of h. Those behind a handler of another middleware are not found.
func (a *All) Add(h handler.Handler) {
	t, ok := h.(*throttled)
	if !ok {
		return
	}
	for _, l := range t.all.Limits {
		if !slices.Contains(a.Limits, l) {
			a.Limits = append(a.Limits, l)
		}
	}
	for _, b := range t.all.Breakers {
		if !slices.Contains(a.Breakers, b) {
			a.Breakers = append(a.Breakers, b)
		}
	}
}

// Least returns the smallest of the limits and how many messages are being handled within it. It
// returns zeros if there is no limit.
func (a *All) Least() (limit, inUse int) {
	for _, l := range a.Limits {
		if n := l.Limit(); limit == 0 || n < limit {
			limit, inUse = n, l.InUse()
		}
	}
	return limit, inUse
}

// Worst returns the worst state of the breakers, and how many messages wait for any of them. It
// returns "" if there is no breaker.
func (a *All) Worst() (state string, waiting int) {
	states := States()
	for _, b := range a.Breakers {
		waiting += b.Waiting()
		if s := b.State(); slices.Index(states, s) > slices.Index(states, state) {
			state = s
		}
	}
	return state, waiting
}
