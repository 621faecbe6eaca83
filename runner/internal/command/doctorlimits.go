package command

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// checkTimeouts compares the handlers' timeouts with the broker's consumer timeout, which
// includes the time that a prefetched message waits. The version of the broker is "" if it is unknown.
func (e *examination) checkTimeouts(version string) {
	before := len(e.findings)
	for _, q := range e.config.Queues {
		waits := waitOf(q)
		patience := e.patience(q, waits, version)
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

// patience returns how long a broker of that version waits for the acknowledgement of a message
// of q. For quorum queues since 4.3, the worker asks for more if its messages may wait longer.
func (e *examination) patience(q config.Queue, waits time.Duration, version string) time.Duration {
	isKnown := q.Type != "" || topology.Mode(cmp.Or(q.Topology, e.config.Broker.Topology)).Manages()
	if amqp.Since43(version) && isKnown && countsDeliveries(q) {
		if ms, ok := number64(q.ConsumerArguments[amqp.ConsumerTimeout]); ok {
			return time.Duration(ms) * time.Millisecond
		}
		if waits != math.MaxInt64 && waits > amqp.DefaultConsumerTimeout-amqp.TimeoutMargin {
			return amqp.MaxAskedTimeout + amqp.TimeoutMargin
		}
	}
	if ms, ok := number64(q.Arguments[amqp.ConsumerTimeout]); ok && !strings.HasPrefix(version, "3.") {
		return time.Duration(ms) * time.Millisecond
	}
	return amqp.DefaultConsumerTimeout
}

// countsDeliveries reports whether q is a quorum queue.
func countsDeliveries(q config.Queue) bool { return q.Worker(nil).WorkQueue(nil).CountsDeliveries() }

const timeoutRemedy = "Set a shorter timeout, set prefetch to the concurrency, or set a longer consumer_timeout in rabbitmq.conf (since 4.0 also x-consumer-timeout in arguments of the queue)."

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
	if q.OrderBy != "" {
		turns = prefetch // all of them may have the same key
	}
	return time.Duration(q.Timeout) * time.Duration(turns)
}

// checkLimits checks the limits of deliveries and retries.
func (e *examination) checkLimits() {
	before := len(e.findings)
	for _, q := range e.config.Queues {
		switch {
		case !countsDeliveries(q) && q.Type != topology.Stream && !q.PerProcess: // a crash deletes a queue of the process
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
	e.okUnlessf(before, "limits", "no queue redelivers or retries a message without limit")
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
