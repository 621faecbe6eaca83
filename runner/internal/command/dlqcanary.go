package command

import (
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/runner/internal/config"
)

const (
	unknownRun  = time.Minute         // assumed for a handler without a timeout
	deliverySum = 10 * time.Second    // assumed for all deliveries of a message
	longestWait = 30 * 24 * time.Hour // because a policy may be unlimited
)

// canaryWait returns the chosen wait. If none was chosen, it returns how long a message of
// the queue takes to be dead-lettered, according to the configuration. If the
// configuration does not have the queue, it returns zero, which means the default of
// package deadletter.
func (p *Program) canaryWait(chosen time.Duration, queue string) (time.Duration, error) {
	if chosen != 0 {
		return chosen, nil
	}
	c, err := p.load(false)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(c.Queues, func(q config.Queue) bool { return q.Name == queue || q.DeadLetterQueue() == queue })
	if i < 0 {
		return 0, nil
	}
	return failingTime(c.Queues[i].Retry.Policy(), time.Duration(c.Queues[i].Timeout)), nil
}

// failingTime returns how long a message may take to be dead-lettered if each attempt
// lasts until the timeout. Zero or less means no timeout.
func failingTime(p retry.Policy, timeout time.Duration) time.Duration {
	if timeout <= 0 {
		timeout = unknownRun
	}
	wait := deliverySum
	for attempt := 1; wait < longestWait; attempt++ {
		wait += min(timeout, longestWait)
		if p.Exhausted(attempt) {
			break
		}
		wait += min(p.Randomized(attempt, 1), longestWait)
	}
	return min(wait, longestWait).Round(time.Second)
}

// noteCanary shows s on a line of its own, for people and for logs.
func (l *deadLetterCount) noteCanary(s deadletter.CanaryState) {
	if l.program.settings.quiet {
		return
	}
	l.progress.clear()
	_, _ = fmt.Fprintf(l.program.Stderr, "canary: %s\n", s) // if stderr cannot be written, there is no place to report it
}
