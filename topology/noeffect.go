package topology

import (
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// validateArguments adds the settings that have no effect, because OnlyArguments or a nil value in
// Arguments leaves out the argument that they need.
func (q WorkQueue) validateArguments(f *check.Faults) {
	if q.kind() == Stream {
		return
	}
	args := q.arguments()
	for _, s := range []struct {
		field, argument string
		set             bool
	}{
		{"SingleActive", "x-single-active-consumer", q.SingleActive},
		{"Partitions", "x-single-active-consumer", q.Partitions > 0 && !q.OnlyArguments},
		{"MessageTTL", "x-message-ttl", q.MessageTTL > 0},
		{"MaxLength", "x-max-length", q.MaxLength > 0},
		{"MaxPriority", "x-max-priority", q.MaxPriority > 0 && q.kind() == Classic},
		{"DeliveryLimit", "x-delivery-limit", q.DeliveryLimit > 0 && q.kind() == Quorum && q.RetryPause == 0},
		{"RetryPause", "x-delayed-retry-type", q.RetryPause > 0},
	} {
		value := args[s.argument]
		f.Addf(s.set && (value == nil || value == false),
			"%s is set, and the queue is declared without %s, want it in Arguments, or no %s: OnlyArguments or Arguments leaves it out", s.field, s.argument, s.field)
	}
	q.validateReject(f, args)
}

// validateReject adds a fault if the broker would delete what the worker rejects, although
// DeadLetters has a place for it.
func (q WorkQueue) validateReject(f *check.Faults, args message.Headers) {
	exchange, key := q.DeadLetterTarget()
	if !q.DeadLetters.Reject || exchange == "" && key == "" {
		return
	}
	actual, set := args["x-dead-letter-exchange"]
	if q.DeadLetters.foreign() {
		f.Addf(!set, "DeadLetters has Reject and a place to go, and the queue is declared without x-dead-letter-exchange, want it in Arguments: without it RabbitMQ deletes the dead letters")
		return
	}
	f.Addf(actual != exchange || args["x-dead-letter-routing-key"] != key,
		"DeadLetters has Reject and the Queue %q, to which the arguments do not lead, want x-dead-letter-exchange %q and x-dead-letter-routing-key %q in Arguments, or no Queue: RabbitMQ deletes the dead letters or moves them elsewhere",
		q.DeadLetters.Queue, exchange, key)
}
