package config

import "github.com/warren-mq/warren/topology"

// checkArguments reports the settings of a queue that have no effect, because only_arguments or
// arguments leaves out what they need.
func (d *document) checkArguments(path string, q Queue) {
	if q.Type == topology.Stream || q.Delays != "" || q.Partitions > 0 || !d.sound(path, "arguments", "only_arguments", "type", "max_priority") {
		return
	}
	w := q.Worker(nil).WorkQueue(nil)
	keys := map[string]string{
		"SingleActive": "single_active", "MessageTTL": "message_ttl", "MaxLength": "max_length",
		"MaxPriority": "max_priority", "DeliveryLimit": "delivery_limit",
	}
	for _, s := range w.NoEffects() {
		if key := keys[s.Field]; key != "" && d.sound(path, key) {
			d.complainf(join(path, key), "%s is set, and the queue is declared without %s, want it in arguments, or no %[1]s: only_arguments or arguments leaves it out", key, s.Argument)
		}
	}
	if at := join(path, "dead_letters"); w.LosesRejected() && !d.bad[at] {
		d.complainReject(at, w)
	}
}

func (d *document) complainReject(at string, w topology.WorkQueue) {
	if w.DeadLetters.Queue == "" {
		d.complainf(join(at, "reject"), "reject is true, and the queue is declared without x-dead-letter-exchange, want it in arguments: without it RabbitMQ deletes the dead letters")
		return
	}
	exchange, key := w.DeadLetterTarget()
	d.complainf(join(at, "queue"), "queue is %q and reject is true, and arguments do not lead there, want x-dead-letter-exchange: %s and x-dead-letter-routing-key: %s in them, or no queue: RabbitMQ deletes the dead letters or moves them elsewhere",
		w.DeadLetters.Queue, exchange, key)
}
