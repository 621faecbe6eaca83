package command

import (
	"math"
	"strings"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// consumerTimeout is how long RabbitMQ waits for an acknowledgement by default.
const consumerTimeout = 30 * time.Minute

// checkTimeouts compares the handlers' timeouts with the broker's consumer timeout, which
// includes the time that a prefetched message waits.
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
			e.warnf("timeouts", timeoutRemedy, "%s: its handlers have no timeout, and the broker requeues messages that are not acknowledged within %v", q.Name, patience)
		default:
			e.warnf("timeouts", timeoutRemedy, "%s: with timeout %v, concurrency %d and this prefetch a message may be unacknowledged for %v, and the broker requeues it after %v",
				q.Name, time.Duration(q.Timeout), q.Concurrency, waits, patience)
		}
	}
	e.okUnlessf(before, "timeouts", "the handlers' timeouts are shorter than the broker's consumer timeout")
}

const timeoutRemedy = "Set a shorter timeout, set prefetch to the concurrency, or set a longer consumer_timeout in rabbitmq.conf (since 4.0 also x-consumer-timeout of the queue)."

func (e *examination) isVersion3() bool {
	return e.session != nil && strings.HasPrefix(e.session.BrokerVersion(), "3.")
}

// waitOf returns how long a message of q may be unacknowledged, including the time that it
// waits for others.
func waitOf(q config.Queue) time.Duration {
	prefetch := q.Prefetch
	switch {
	case q.Timeout <= 0:
		return math.MaxInt64
	case prefetch == 0 && q.MaxPriority > 0:
		prefetch = q.AtOnce()
	case prefetch == 0:
		prefetch = 2 * q.AtOnce()
	}
	turns := (prefetch + q.AtOnce() - 1) / q.AtOnce()
	return time.Duration(q.Timeout) * time.Duration(turns)
}

// checkLimits checks the limits of deliveries and retries.
func (e *examination) checkLimits() {
	before := len(e.findings)
	for _, q := range e.config.Queues {
		classic := q.Type == topology.Classic || q.MaxPriority > 0
		switch {
		case classic:
			e.warnf("limits", "Unless you need priorities, use a quorum queue, which is replicated and has a delivery limit.",
				"%s is a classic queue: a message that crashes the process is redelivered without limit", q.Name)
		case q.DeliveryLimit > 0 && q.DeliveryLimit < 3:
			e.warnf("limits", "Set delivery_limit to 5 or more.",
				"%s: with delivery_limit %d, a few lost connections dead-letter messages before a handler gets them", q.Name, q.DeliveryLimit)
		}
		if q.Retry.MaxAttempts < 0 {
			e.warnf("limits", "Set retry.max_attempts.", "%s: a message that always fails is retried without limit", q.Name)
		}
	}
	e.okUnlessf(before, "limits", "every queue has a delivery limit and a limit of retries")
}

// checkHeartbeat warns if the heartbeat is too short or too long.
func (e *examination) checkHeartbeat() {
	switch h := time.Duration(e.config.Broker.Heartbeat); {
	case h < 5*time.Second:
		e.warnf("heartbeat", "Set broker.heartbeat to 10s.", "broker.heartbeat is %v, which is short: a slow machine or network may look like a lost connection", h)
	case h > time.Minute:
		e.warnf("heartbeat", "Set broker.heartbeat to 10s.", "broker.heartbeat is %v, which is long: a lost connection is detected after twice that time, and load balancers may close an idle one", h)
	default:
		e.okf("heartbeat", "broker.heartbeat is %v", h)
	}
}

// number64 returns a number of the configuration as an int64.
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
