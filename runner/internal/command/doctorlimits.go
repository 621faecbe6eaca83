package command

import (
	"math"
	"strings"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// consumerTimeout is how long RabbitMQ waits for an acknowledgement unless it is told
// otherwise.
const consumerTimeout = 30 * time.Minute

// checkTimeouts compares the handlers' time-outs with the broker's patience. A prefetched
// message waits for its turn, too.
func (e *examination) checkTimeouts() {
	before := len(e.findings)
	for _, q := range e.config.Queues {
		patience := consumerTimeout
		if ms, ok := number64(q.Arguments["x-consumer-timeout"]); ok && !e.isVersion3() {
			patience = time.Duration(ms) * time.Millisecond
		}
		waits := waitOf(q)
		switch {
		case waits < patience:
		case waits == math.MaxInt64:
			e.warnf("timeouts", timeoutRemedy, "%s: its handlers may take for ever, and the broker takes back what is not acknowledged within %v", q.Name, patience)
		default:
			e.warnf("timeouts", timeoutRemedy, "%s: with timeout %v, concurrency %d and this prefetch a message may be held for %v, and the broker takes it back after %v",
				q.Name, time.Duration(q.Timeout), q.Concurrency, waits, patience)
		}
	}
	e.okUnlessf(before, "timeouts", "no handler takes longer than the broker waits for it")
}

const timeoutRemedy = "Set a shorter timeout, prefetch to the concurrency, or a longer consumer_timeout in rabbitmq.conf (from 4.0 also as x-consumer-timeout of the queue)."

func (e *examination) isVersion3() bool {
	return e.session != nil && strings.HasPrefix(e.session.BrokerVersion(), "3.")
}

// waitOf is how long a message of q may be held: its turn may come after others.
func waitOf(q config.Queue) time.Duration {
	prefetch := q.Prefetch
	switch {
	case q.Timeout <= 0:
		return math.MaxInt64
	case prefetch == 0 && q.MaxPriority > 0:
		prefetch = q.Concurrency
	case prefetch == 0:
		prefetch = 2 * q.Concurrency
	}
	turns := (prefetch + q.Concurrency - 1) / q.Concurrency
	return time.Duration(q.Timeout) * time.Duration(turns)
}

// checkLimits looks at what stops a message that kills its worker, and at what fills up.
func (e *examination) checkLimits() {
	before := len(e.findings)
	for _, q := range e.config.Queues {
		classic := q.Type == topology.Classic || q.MaxPriority > 0
		switch {
		case classic:
			e.warnf("limits", "Without need of priorities use a quorum queue, which is replicated and has a delivery limit.",
				"%s is a classic queue: a message that kills the process is delivered again for ever", q.Name)
		case q.DeliveryLimit > 0 && q.DeliveryLimit < 3:
			e.warnf("limits", "Set delivery_limit to 5 or more.",
				"%s: with delivery_limit %d a few lost connections dead-letter messages that no handler has seen", q.Name, q.DeliveryLimit)
		}
		if q.Retry.MaxAttempts < 0 {
			e.warnf("limits", "Set retry.max_attempts.", "%s: what never succeeds is retried for ever", q.Name)
		}
	}
	e.okUnlessf(before, "limits", "every queue has a delivery limit and an end of its retries")
}

// checkHeartbeat looks for pauses that are too short or too long.
func (e *examination) checkHeartbeat() {
	switch h := time.Duration(e.config.Broker.Heartbeat); {
	case h < 5*time.Second:
		e.warnf("heartbeat", "Set broker.heartbeat to 10s.", "broker.heartbeat is %v: a busy machine or network looks like a lost connection", h)
	case h > time.Minute:
		e.warnf("heartbeat", "Set broker.heartbeat to 10s.", "broker.heartbeat is %v: a dead connection goes unnoticed for twice as long, and load balancers may cut an idle one", h)
	default:
		e.okf("heartbeat", "broker.heartbeat is %v", h)
	}
}

// number64 reads a number of a configuration.
func number64(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	}
	return 0, false
}
