package config

import "github.com/warren-mq/warren/topology"

// checkArguments reports the settings of a queue that have no effect, because only_arguments or
// arguments leaves out what they need. topology.WorkQueue checks the same.
func (d *document) checkArguments(path string, q Queue) {
	if q.Type == topology.Stream || q.Delays != "" || q.Partitions > 0 || !d.sound(path, "arguments", "only_arguments", "type", "max_priority") {
		return
	}
	w := q.Worker(nil).WorkQueue(nil)
	args := w.Own().Queues[0].Arguments
	for _, s := range []struct {
		key, argument string
		set           bool
	}{
		{"single_active", "x-single-active-consumer", q.SingleActive},
		{"message_ttl", "x-message-ttl", q.MessageTTL > 0},
		{"max_length", "x-max-length", q.MaxLength > 0},
		{"max_priority", "x-max-priority", q.MaxPriority > 0 && !w.CountsDeliveries()},
		{"delivery_limit", "x-delivery-limit", q.DeliveryLimit > 0 && w.CountsDeliveries()},
	} {
		if value := args[s.argument]; s.set && (value == nil || value == false) && d.sound(path, s.key) {
			d.complainf(join(path, s.key), "%s is set, and the queue is declared without %s, want it in arguments, or no %[1]s: only_arguments or arguments leaves it out", s.key, s.argument)
		}
	}
	d.checkReject(path, w)
}

// checkReject reports that RabbitMQ would delete rejected dead letters, although dead_letters has a
// place for them.
func (d *document) checkReject(path string, w topology.WorkQueue) {
	at := join(path, "dead_letters")
	exchange, key := w.DeadLetterTarget()
	if !w.DeadLetters.Reject || exchange == "" && key == "" || d.bad[at] {
		return
	}
	args := w.Own().Queues[0].Arguments
	actual, set := args["x-dead-letter-exchange"]
	switch declared := w.DeadLetters.Queue; {
	case declared == "" && !set:
		d.complainf(join(at, "reject"), "reject is true, and the queue is declared without x-dead-letter-exchange, want it in arguments: without it RabbitMQ deletes the dead letters")
	case declared != "" && (actual != exchange || args["x-dead-letter-routing-key"] != key):
		d.complainf(join(at, "queue"), "queue is %q and reject is true, and arguments do not lead there, want x-dead-letter-exchange: %s and x-dead-letter-routing-key: %s in them, or no queue: RabbitMQ deletes the dead letters or moves them elsewhere",
			declared, exchange, key)
	}
}
