package worker

import (
	"cmp"
	"fmt"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// countsStops reports whether the worker keeps the delivery limit of the queue. A limit that another
// program has set is kept by the broker alone.
func (q *Subscription) countsStops() bool {
	return q.config.SingleActive && q.config.WorkQueue(nil).AllowsStops() && (q.config.Topology.Manages() || q.config.DeliveryLimit > 0)
}

func (q *Subscription) deliveryLimit() int {
	return cmp.Or(q.config.DeliveryLimit, topology.DefaultDeliveryLimit)
}

// tooOften returns an error if the message was delivered too often, not counting stops.
func (q *Subscription) tooOften(a *attempt) error {
	lost := a.Message.DeliveryCount - a.stops.Stops
	if limit := q.deliveryLimit(); lost > limit && a.stopsErr == nil && q.countsStops() {
		return &DeliveryLimitError{Deliveries: lost, Limit: limit}
	}
	return nil
}

// DeliveryLimitError is the error of a message that was delivered too often without an outcome, such as
// by processes that it has ended. With SingleActive and Partitions the worker dead-letters it, in
// place of the broker.
type DeliveryLimitError struct{ Deliveries, Limit int }

// Error returns a text with both numbers.
func (e *DeliveryLimitError) Error() string {
	return fmt.Sprintf("worker: the message was delivered %d times without an outcome, want at most %d; workers may crash on it", e.Deliveries, e.Limit)
}

// Permanent returns true: the message is not tried again.
func (e *DeliveryLimitError) Permanent() bool { return true }

// Reason returns message.ReasonDeliveryLimit.
func (e *DeliveryLimitError) Reason() string { return message.ReasonDeliveryLimit }
