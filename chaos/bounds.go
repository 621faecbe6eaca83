package main

import (
	"fmt"
	"time"
)

// bound is what must hold for a fault.
type bound struct {
	text     string
	clusters bool                   // holds on clusters only
	missed   func(r *result) string // why it was missed; empty if it was met
	figure   func(r *result) string // a figure for the table; may be nil
}

func atMost(text string, of func(*result) int, limit int) bound {
	return bound{text: text, missed: func(r *result) string {
		if n := of(r); n > limit {
			return fmt.Sprintf("%s: got %d", text, n)
		}
		return ""
	}}
}

func within(text string, of func(*result) time.Duration, limit time.Duration) bound {
	return bound{
		text: text,
		missed: func(r *result) string {
			if d := of(r); d > limit {
				return fmt.Sprintf("%s: got %s", text, rounded(d))
			}
			return ""
		},
		figure: func(r *result) string { return rounded(of(r)) },
	}
}

func onClusters(b bound) bound {
	b.clusters = true
	b.text += " on clusters"
	return b
}

func noneLost() bound {
	return atMost("0 lost", func(r *result) int { return r.total("lost") }, 0)
}

func noneTwice() bound {
	return atMost("0 duplicates", func(r *result) int { return r.total("duplicates") }, 0)
}

func orderKept() bound {
	return atMost("order kept", func(r *result) int { return r.swapped }, 0)
}

func oneExtra() bound {
	return atMost("at most 1 more run than publishes of a message", func(r *result) int { return r.extra }, 1)
}

func stallWithin(d time.Duration) bound {
	b := within("stall ≤ "+rounded(d), func(r *result) time.Duration { return r.stall }, d)
	b.figure = nil // has a column
	return b
}

func modeStallWithin(d time.Duration) bound {
	b := within("stall of a mode ≤ "+rounded(d), func(r *result) time.Duration { return r.modeGap }, d)
	b.figure = nil // has a column
	return b
}

func publishesWithin(d time.Duration) bound {
	return within("publishes again within "+rounded(d), func(r *result) time.Duration { return r.gap }, d)
}

func backSoon() bound {
	return within("back within 10s", func(r *result) time.Duration { return r.back }, 10*time.Second)
}

func stopsWithin(d time.Duration) bound {
	return within("stops within "+rounded(d), func(r *result) time.Duration { return r.stopped }, d)
}

// notReady demands that a worker was not ready during the fault, and why.
func notReady() bound {
	return bound{
		text: "not ready, with the reason",
		missed: func(r *result) string {
			if r.reason == "" {
				return "no worker was not ready"
			}
			return ""
		},
		figure: func(r *result) string { return "reason: " + r.reason },
	}
}

// backOrNotReady demands that messages are handled again within d, or that a worker says why
// not.
func backOrNotReady(d time.Duration) bound {
	return bound{
		text: fmt.Sprintf("back within %s, or not ready with the reason", rounded(d)),
		missed: func(r *result) string {
			if r.back > d && r.reason == "" {
				return fmt.Sprintf("back after %s, and no worker was not ready", rounded(r.back))
			}
			return ""
		},
		figure: func(r *result) string {
			text := "back after " + rounded(r.back)
			if r.reason != "" {
				text += ", reason: " + r.reason
			}
			return text
		},
	}
}
