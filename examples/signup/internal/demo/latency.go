package demo

import (
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// latencies holds the latest durations of one kind of request. The zero value is empty. It
// is safe for concurrent use.
type latencies struct {
	mu     sync.Mutex
	latest []time.Duration
	next   int
}

// kept is how many durations the percentiles are computed from.
const kept = 1000

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.latest) < kept {
		l.latest = append(l.latest, d)
		return
	}
	l.latest[l.next] = d
	l.next = (l.next + 1) % kept
}

func (l *latencies) figures() live.Latency {
	l.mu.Lock()
	sorted := slices.Clone(l.latest)
	l.mu.Unlock()
	if len(sorted) == 0 {
		return live.Latency{}
	}
	slices.Sort(sorted)
	return live.Latency{
		Count: len(sorted), P50: sorted[(len(sorted)-1)/2], P99: sorted[(len(sorted)-1)*99/100],
	}
}
