package message

import (
	"fmt"
	"time"
)

// Reasons why a message was dead-lettered or is retried, as in the header warren-reason.
const (
	ReasonError     = "error"     // the handler returned an error
	ReasonPanic     = "panic"     // the handler panicked
	ReasonTimeout   = "timeout"   // the handler exceeded its timeout
	ReasonPermanent = "permanent" // the error was permanent
	ReasonDecode    = "decode"    // the body could not be decoded, or was too large
	ReasonInvalid   = "invalid"   // the payload failed its validation
	ReasonUnhandled = "unhandled" // no handler is registered for the routing key
	ReasonUnrouted  = "unrouted"  // it was due, and its queue or exchange no longer exists

	// ReasonDeliveryLimit says that the message was delivered too often without an outcome. The
	// broker writes the same text into x-death.
	ReasonDeliveryLimit = "delivery_limit"
)

// Headers holds the headers of a message: AMQP field-table values by name. Values of every
// AMQP type are kept unchanged.
type Headers map[string]any

// String returns the header's text, or "" if it is missing or not text. Byte arrays count
// as text, since some clients encode strings as byte arrays.
func (h Headers) String(name string) string {
	switch v := h[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// IsText reports whether the header exists and is text, which may be empty.
func (h Headers) IsText(name string) bool {
	switch h[name].(type) {
	case string, []byte:
		return true
	}
	return false
}

// Int returns the header as an integer, and reports whether it is one. It accepts every
// AMQP integer type.
func (h Headers) Int(name string) (int64, bool) {
	switch v := h[name].(type) {
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

// Time returns the header as a time: an AMQP timestamp, or RFC 3339 text. It returns the
// zero time if the header is missing, and an error if it is neither.
func (h Headers) Time(name string) (time.Time, error) {
	switch v := h[name].(type) {
	case nil:
		return time.Time{}, nil
	case time.Time:
		return v, nil
	case string, []byte:
		t, err := time.Parse(time.RFC3339Nano, h.String(name))
		if err != nil {
			return time.Time{}, fmt.Errorf("message: header %s: %w", name, err)
		}
		return t, nil
	default:
		return time.Time{}, fmt.Errorf("message: header %s is a %T, want a time", name, v)
	}
}
