package topology

import "github.com/warren-mq/warren/internal/check"

// NoEffect is a field of a WorkQueue that is set without effect, and the argument that is missing.
type NoEffect struct{ Field, Argument string }

// NoEffects returns the fields that are set and have no effect, because OnlyArguments or a nil value
// in Arguments leaves out the argument that they need. Validate refuses them.
func (q WorkQueue) NoEffects() (all []NoEffect) {
	if q.kind() == Stream {
		return nil
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
		if value := args[s.argument]; s.set && (value == nil || value == false) {
			all = append(all, NoEffect{s.field, s.argument})
		}
	}
	return all
}

// LosesRejected reports whether messages that the worker rejects do not reach the place that
// DeadLetters has for them. RabbitMQ then deletes them or moves them elsewhere. Validate refuses that.
func (q WorkQueue) LosesRejected() bool {
	exchange, key := q.DeadLetterTarget()
	if !q.DeadLetters.Reject || exchange == "" && key == "" || q.kind() == Stream {
		return false
	}
	args := q.arguments()
	actual, set := args["x-dead-letter-exchange"]
	if q.DeadLetters.foreign() {
		return !set
	}
	return actual != exchange || args["x-dead-letter-routing-key"] != key
}

// validateArguments adds what NoEffects and LosesRejected find.
func (q WorkQueue) validateArguments(f *check.Faults) {
	for _, s := range q.NoEffects() {
		f.Addf(true, "%s is set, and the queue is declared without %s, want it in Arguments, or no %[1]s: OnlyArguments or Arguments leaves it out", s.Field, s.Argument)
	}
	loses, foreign := q.LosesRejected(), q.DeadLetters.foreign()
	exchange, key := q.DeadLetterTarget()
	f.Addf(loses && foreign, "DeadLetters has Reject and a place to go, and the queue is declared without x-dead-letter-exchange, want it in Arguments: without it RabbitMQ deletes the dead letters")
	f.Addf(loses && !foreign,
		"DeadLetters has Reject and the Queue %q, to which the arguments do not lead, want x-dead-letter-exchange %q and x-dead-letter-routing-key %q in Arguments, or no Queue: RabbitMQ deletes the dead letters or moves them elsewhere",
		q.DeadLetters.Queue, exchange, key)
}
