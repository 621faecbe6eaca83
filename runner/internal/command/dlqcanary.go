package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

const (
	unknownRun  = time.Minute         // of a handler without a timeout
	deliverySum = 10 * time.Second    // for all deliveries of a message
	longestWait = 30 * 24 * time.Hour // a policy may have no end
)

// canaryWait returns the chosen wait, or else how long a message of the queue takes to fail
// for good by the configuration. It returns zero, which means the default of package
// deadletter, if the configuration does not have the queue.
func (p *Program) canaryWait(chosen time.Duration, queue string) (time.Duration, error) {
	if chosen != 0 {
		return chosen, nil
	}
	c, err := p.load(false)
	if err != nil {
		return 0, err
	}
	name := strings.TrimSuffix(queue, topology.DeadLetterQueue(""))
	i := slices.IndexFunc(c.Queues, func(q config.Queue) bool { return q.Name == name })
	if i < 0 {
		return 0, nil
	}
	return failingTime(c.Queues[i].Retry.Policy(), time.Duration(c.Queues[i].Timeout)), nil
}

// failingTime is how long a message may take to fail for good when each run lasts until
// the timeout. Zero or less is no timeout.
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

// noteCanary shows s in a line of its own, for people and for logs.
func (l *letterCount) noteCanary(s deadletter.CanaryState) {
	if l.program.settings.quiet {
		return
	}
	l.progress.clear()
	_, _ = fmt.Fprintf(l.program.Stderr, "canary: %s\n", s) // who looks at it sees what is wrong
}
