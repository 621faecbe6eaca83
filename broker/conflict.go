package broker

import (
	"errors"
	"fmt"
	"regexp"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ConflictError says that something exists with other properties than wanted. The
// broker never changes an existing queue or exchange.
type ConflictError struct {
	Kind     string // queue or exchange
	Name     string
	Argument string // what differs, such as x-max-priority, type or durable
	Current  string // "none" if it is not set
	Wanted   string
	Err      error // the broker's words
}

// Error says which argument differs, both values, and what can be done.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("broker: %s %s: %s is %s, wanted %s; give the same value here, or drain and delete the %s, or use another name",
		e.Kind, e.Name, e.Argument, e.Current, e.Wanted, e.Kind)
}

// Unwrap returns the broker's error.
func (e *ConflictError) Unwrap() error { return e.Err }

// RabbitMQ's text: inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/':
// received '2000' but current is '1000'. A value may come with its type, and a
// missing one is a bare none.
var (
	conflictText = regexp.MustCompile(`inequivalent arg '([^']+)' for \w+ '.*' in vhost '.*': received (.+?) but current is (.+)$`)
	valueText    = regexp.MustCompile(`^(?:the value )?'([^']*)'(?: of type '[^']*')?$`)
)

// parseConflict reads the broker's refusal; nil if err is something else.
func parseConflict(kind, name string, err error) *ConflictError {
	e, ok := errors.AsType[*amqp.Error](err)
	if !ok || e.Code != amqp.PreconditionFailed {
		return nil
	}
	m := conflictText.FindStringSubmatch(e.Reason)
	if m == nil {
		return nil
	}
	return &ConflictError{Kind: kind, Name: name, Argument: m[1], Wanted: bareValue(m[2]), Current: bareValue(m[3]), Err: err}
}

func bareValue(s string) string {
	if m := valueText.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return s
}
