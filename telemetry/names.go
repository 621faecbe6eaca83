package telemetry

import "strings"

// Names of operations, as messaging.operation.name has them.
const (
	OperationPublish = "publish" // of type send
	OperationProcess = "process" // of type process
)

// defaultExchange is how the conventions name the exchange without a name.
const defaultExchange = "amq.default"

// DestinationName is messaging.destination.name as the conventions for RabbitMQ
// have it: exchange, routing key and, for a consumer, queue, joined by colons.
// Empty ones are left out, a queue named like the routing key is said once, and
// nothing at all is amq.default.
func DestinationName(exchange, key, queue string) string {
	if queue == key {
		queue = ""
	}
	var b strings.Builder
	for _, part := range [...]string{exchange, key, queue} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return defaultExchange
	}
	return b.String()
}

// PublishSpanName is the name of a PRODUCER span. Routing keys may be of any
// number, so it has the exchange alone.
func PublishSpanName(exchange string) string {
	if exchange == "" {
		exchange = defaultExchange
	}
	return OperationPublish + " " + exchange
}

// ProcessSpanName is the name of a CONSUMER span.
func ProcessSpanName(queue string) string { return OperationProcess + " " + queue }
