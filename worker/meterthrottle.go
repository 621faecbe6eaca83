package worker

import (
	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/internal/throttle"
)

// throttleGauges are the instruments for adaptive limits and circuit breakers.
type throttleGauges struct {
	limit, used, state, waiting metric.Int64ObservableGauge
}

func (m *meter) newThrottleGauges() {
	m.throttles = throttleGauges{
		limit:   m.gauge(telemetry.MetricConcurrencyLimit, "the present adaptive limit of messages handled at a time"),
		used:    m.gauge(telemetry.MetricConcurrencyUsed, "messages that are being handled within the adaptive limit of a queue"),
		state:   m.unitGauge(telemetry.MetricBreakerState, "{state}", "1 for the state that the circuit breaker is in, 0 for the others"),
		waiting: m.gauge(telemetry.MetricBreakerWaiting, "messages that wait until the circuit breaker closes"),
	}
}

func (g throttleGauges) all() []metric.Observable {
	return []metric.Observable{g.limit, g.used, g.state, g.waiting}
}

// observeThrottles reports the adaptive limit and the breakers of a queue.
func (m *meter) observeThrottles(o metric.Observer, q *Subscription) {
	if limit, used := q.throttles.Least(); limit > 0 {
		queue := metric.WithAttributes(queueAttribute(q.config.Name))
		o.ObserveInt64(m.throttles.limit, int64(limit), queue)
		o.ObserveInt64(m.throttles.used, int64(used), queue)
	}
	for _, b := range q.throttles.Breakers {
		queue, name := queueAttribute(q.config.Name), telemetry.BreakerKey.String(b.Name())
		o.ObserveInt64(m.throttles.waiting, int64(b.Waiting()), metric.WithAttributes(queue, name))
		for state, now := range inState(b) {
			o.ObserveInt64(m.throttles.state, now, metric.WithAttributes(queue, name, telemetry.StateKey.String(state)))
		}
	}
}

// inState returns 1 for the state that b is in, and 0 for the others.
func inState(b throttle.Breaker) map[string]int64 {
	in := make(map[string]int64)
	for _, state := range throttle.States() {
		in[state] = 0
	}
	in[b.State()] = 1
	return in
}
