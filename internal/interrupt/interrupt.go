// Package interrupt watches for a second signal in a program that the first one has told
// to stop.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// repeat is how long after the first signal another one counts as the same: a terminal
// signals a process and its group, and timeout(1) and npm pass on what they get.
const repeat = time.Second

// Second returns a channel that is closed at a second signal: the first SIGINT or SIGTERM
// that comes at least a second after another one has ended ctx (signal.NotifyContext names
// it in the cause). If anything else ends ctx, the channel stays open. Call stop when the
// signal does not matter any more.
func Second(ctx context.Context) (second <-chan struct{}, stop func()) {
	seen, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-stopped:
			return
		}
		if !strings.HasSuffix(context.Cause(ctx).Error(), "signal received") {
			return
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // NotifyContext swallows all after the first
		defer signal.Stop(signals)
		if isRepeated(signals, stopped) {
			close(seen)
		}
	}()
	return seen, func() { close(stopped) }
}

// isRepeated waits for a signal that is not the first one again. It returns false when
// stopped is closed.
func isRepeated(signals <-chan os.Signal, stopped <-chan struct{}) bool {
	for began := time.Now(); ; {
		select {
		case <-signals:
			if time.Since(began) >= repeat {
				return true
			}
		case <-stopped:
			return false
		}
	}
}
