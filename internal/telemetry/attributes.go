package telemetry

import (
	"errors"
	"reflect"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warren-mq/warren/message"
)

// PublishAttributes are those of the PRODUCER span of one message published to
// exchange with key; set them when the span starts, since samplers look at them.
func PublishAttributes(exchange, key string, m *message.Message) []attribute.KeyValue {
	return append(aboutMessage(key, m),
		semconv.MessagingOperationName(OperationPublish),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(DestinationName(exchange, key, "")))
}

// ProcessAttributes are those of the CONSUMER span of one message; set them when
// the span starts, since samplers look at them.
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

func aboutMessage(key string, m *message.Message) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 10) // all there can be, server address not included
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

// MetricAttributes are those of a measurement of an operation. Destination must be
// of few values: a queue or an exchange, never a routing key. An empty errorType
// is success.
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

// Server are server.address and, unless it is 0, server.port.
func Server(address string, port int) []attribute.KeyValue {
	if port == 0 {
		return []attribute.KeyValue{semconv.ServerAddress(address)}
	}
	return []attribute.KeyValue{semconv.ServerAddress(address), semconv.ServerPort(port)}
}

// ErrorType is error.type for err: what an ErrorType() string method in its chain
// says, else the Go type of the first error that is more than fmt.Errorf's wrapping
// or a mark, which is an error with the very text of its cause. It is "" for nil.
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
