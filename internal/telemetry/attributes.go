package telemetry

import (
	"errors"
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warren-mq/warren/message"
)

// PublishAttributes returns the attributes of the PRODUCER span of one message published to
// exchange with key. Set them when the span starts, because samplers read them.
func PublishAttributes(exchange, key string, m *message.Message) []attribute.KeyValue {
	return append(aboutMessage(key, m),
		semconv.MessagingOperationName(OperationPublish),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(DestinationName(exchange, key, "")))
}

// ProcessAttributes returns the attributes of the CONSUMER span of one message. Set them
// when the span starts, because samplers read them.
func ProcessAttributes(m *message.Message) []attribute.KeyValue {
	attrs := append(aboutMessage(m.RoutingKey, m),
		semconv.MessagingOperationName(OperationProcess),
		semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(DestinationName(m.Exchange, m.RoutingKey, m.Queue)))
	if m.Attempt > 0 {
		attrs = append(attrs, AttemptKey.Int(m.Attempt))
	}
	return attrs
}

// ReceiveAttributes returns the attributes of the CLIENT span that waits for a message from the
// queue in the conversation.
func ReceiveAttributes(queue, conversation string) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingSystemRabbitMQ, semconv.MessagingOperationName(OperationReceive), semconv.MessagingOperationTypeReceive,
		semconv.MessagingDestinationName(queue), semconv.MessagingMessageConversationID(conversation),
	}
}

func aboutMessage(key string, m *message.Message) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 10) // the most there can be, without the server address
	attrs = append(attrs, semconv.MessagingSystemRabbitMQ, semconv.MessagingMessageBodySize(len(m.Body)))
	if key != "" {
		attrs = append(attrs, semconv.MessagingRabbitMQDestinationRoutingKey(key))
	}
	if m.ID != "" {
		attrs = append(attrs, semconv.MessagingMessageID(m.ID))
	}
	if m.CorrelationID != "" {
		attrs = append(attrs, semconv.MessagingMessageConversationID(m.CorrelationID))
	}
	return attrs
}

// MetricAttributes returns the attributes of a measurement of an operation. The destination
// must have few values: use a queue or an exchange, never a routing key. An empty errorType
// means success.
func MetricAttributes(operation, destination, errorType string) attribute.Set {
	attrs := make([]attribute.KeyValue, 0, 4)
	attrs = append(attrs, semconv.MessagingSystemRabbitMQ, semconv.MessagingOperationName(operation))
	if destination != "" {
		attrs = append(attrs, semconv.MessagingDestinationName(destination))
	}
	if errorType != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(errorType))
	}
	return attribute.NewSet(attrs...)
}

// Server returns server.address and, unless port is 0, server.port.
func Server(address string, port int) []attribute.KeyValue {
	if port == 0 {
		return []attribute.KeyValue{semconv.ServerAddress(address)}
	}
	return []attribute.KeyValue{semconv.ServerAddress(address), semconv.ServerPort(port)}
}

// ErrorType returns error.type for err. If an error in its chain has a method ErrorType()
// string, that is the result. Otherwise it is the Go type of the first error in the chain
// that adds more than fmt.Errorf's wrapping, or than a mark. A mark is an error with
// exactly the text of its cause. ErrorType returns "" for nil.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	for {
		cause := errors.Unwrap(err)
		if cause == nil || namesItself(err) || !isWrap(err) && cause.Error() != err.Error() {
			return semconv.ErrorType(err).Value.AsString()
		}
		err = cause
	}
}

func namesItself(err error) bool {
	named, ok := err.(interface{ ErrorType() string })
	return ok && named.ErrorType() != ""
}

func isWrap(err error) bool {
	t := reflect.TypeOf(err)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "fmt" && t.Elem().Name() == "wrapError"
}
