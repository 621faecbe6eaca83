package amqp

import (
	"context"
	"time"
)

// The pause between two replacements of a worn channel grows from the shortest to the
// longest. A queue that stays full therefore costs one channel a minute.
const (
	shortestReplacement = time.Second
	longestReplacement  = time.Minute
)

// replacements limits how often a sender replaces a worn channel.
type replacements struct {
	last  time.Time
	pause time.Duration
}

// due returns how long to wait until the next replacement.
func (r *replacements) due() time.Duration {
	if time.Since(r.last) > 2*longestReplacement {
		r.pause = 0
	}
	return time.Until(r.last.Add(r.pause))
}

func (r *replacements) note() {
	r.last, r.pause = time.Now(), min(max(2*r.pause, shortestReplacement), longestReplacement)
}

// use blocks until the channel has to be followed by another one, and reports whether it is
// worn. A channel is not replaced while the broker blocks the connection and answers no
// calls.
func (s *Sender) use(ctx context.Context, line *pipeline) (worn bool) {
	select {
	case <-line.done:
		return false
	case <-ctx.Done():
		return false
	case <-line.worn:
	}
	for wait := s.replacing.due(); wait > 0 || line.session.Blocked() != ""; wait = s.replacing.due() {
		select {
		case <-line.done:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(max(wait, time.Second)):
		}
	}
	s.replacing.note()
	return true
}

// leaving is how long a worn channel is kept for confirms that may still arrive.
const leaving = 5 * time.Second

// retire closes a channel that another one has replaced, once the results of its messages
// are known. Messages that have waited far too long for their confirms are then sent again.
func (s *Sender) retire(line *pipeline) {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-line.done:
			return
		case <-tick.C:
		}
		late := line.hopeless.Load() && time.Since(began) > leaving
		if (late || line.unconfirmed() == 0) && line.session.Blocked() == "" {
			break
		}
	}
	line.replaced.Store(true)
	_ = line.session.CloseChannel(line.ch) // the results of its messages are known, or they are sent again
}
