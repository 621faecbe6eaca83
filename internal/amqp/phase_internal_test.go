package amqp

import "testing"

// TestPhasesOfAConsumer enters each phase from each other one.
func TestPhasesOfAConsumer(t *testing.T) {
	t.Parallel()
	names := []string{"consuming", "cancelled", "stopped", "abandoned", "closed", "lost"}
	allowed := map[string]bool{
		"consuming to cancelled": true, "consuming to stopped": true, "consuming to closed": true, "consuming to lost": true,
		"cancelled to stopped": true, "cancelled to closed": true, "cancelled to lost": true,
		"stopped to abandoned": true, "stopped to closed": true, "stopped to lost": true,
		"abandoned to closed": true, "abandoned to lost": true,
	}
	for from := range names {
		for to := range names {
			c := &Consumer{phase: phase(from), stopped: make(chan struct{})}
			if c.phase >= stopped {
				close(c.stopped)
			}
			step, want := names[from]+" to "+names[to], phase(from)
			entered := c.enter(phase(to))
			if entered {
				want = phase(to)
			}
			if entered != allowed[step] || c.phase != want {
				t.Errorf("%s: entered is %v, want %v; the phase is %d, want %d", step, entered, allowed[step], c.phase, want)
			}
			select {
			case <-c.stopped:
				if c.phase < stopped {
					t.Errorf("%s: the consumer hands out nothing, want deliveries", step)
				}
			default:
				if c.phase >= stopped {
					t.Errorf("%s: the consumer hands out deliveries, want none", step)
				}
			}
		}
	}
}
