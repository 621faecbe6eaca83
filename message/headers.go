package message

import (
	"fmt"
	"time"
)

// Headers of the failure record, which every copy made by the framework carries.
// None begins with "x-": those names belong to the broker.
const (
	HeaderAttempt       = "warren-attempt"         // the attempt that failed last, 1-based
	HeaderRetryCount    = "warren-retry-count"     // retries made so far; decides the next attempt
	HeaderQueue         = "warren-queue"           // the work queue the failure happened on
	HeaderExchange      = "warren-exchange"        // the exchange of the first publish
	HeaderRoutingKey    = "warren-routing-key"     // the routing key of the first publish
	HeaderFirstFailedAt = "warren-first-failed-at" // RFC 3339, UTC
	HeaderLastFailedAt  = "warren-last-failed-at"  // RFC 3339, UTC
	HeaderReason        = "warren-reason"          // see the Reason constants
	HeaderError         = "warren-error"           // the error's text, at most 2 KiB
	HeaderErrorType     = "warren-error-type"      // the error's Go type
	HeaderFingerprint   = "warren-fingerprint"     // same for failures of one kind
	HeaderStack         = "warren-stack"           // of a panic, at most 8 KiB
	HeaderHandler       = "warren-handler"         // the pattern of the handler that was called
	HeaderHost          = "warren-host"            // the machine the attempt ran on
	HeaderVersion       = "warren-version"         // Warren's version
	HeaderHistory       = "warren-history"         // JSON: the first and the latest nine attempts
	HeaderTrace         = "warren-trace"           // traceparent of the attempt that failed last
	HeaderExpiration    = "warren-expiration"      // the expiration the copy no longer has
	HeaderUserID        = "warren-user-id"         // the user id the copy no longer has
)

// Headers of a message that was brought back from the dead letters by hand. They stay
// with it for good, should it fail again.
const (
	HeaderReplayedAt = "warren-replayed-at" // RFC 3339, UTC: the latest replay
	HeaderReplayedBy = "warren-replayed-by" // who did that
	HeaderEditedFrom = "warren-edited-from" // the id of the message this one was edited from
)

// Reasons a message was given up on or is tried again, as HeaderReason has them.
const (
	ReasonError     = "error"     // the handler returned an error
	ReasonPanic     = "panic"     // the handler panicked
	ReasonTimeout   = "timeout"   // the handler overran its timeout
	ReasonPermanent = "permanent" // the error said that trying again is useless
	ReasonDecode    = "decode"    // the body could not be decoded, or was too large
	ReasonInvalid   = "invalid"   // the payload did not pass its validation
	ReasonUnhandled = "unhandled" // no handler is registered for the routing key
	ReasonUnrouted  = "unrouted"  // it was due, and its queue or exchange no longer exists
)

// Headers are the headers of a message: AMQP field-table values by name. Values
// of every AMQP type are kept as they came.
type Headers map[string]any

// String returns the header's text, or "" if it is missing or not text. Byte
// arrays count as text, since other clients write strings so.
func (h Headers) String(name string) string {
	switch v := h[name].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// IsText says whether the header is there and is text, be it empty.
func (h Headers) IsText(name string) bool {
	switch h[name].(type) {
	case string, []byte:
		return true
	}
	return false
}

// Int returns the header as a whole number, and whether it is one. AMQP has many
// widths of integer; all are understood.
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

// Time returns the header as a time: an AMQP timestamp, or RFC 3339 text. It is
// zero if the header is missing; an error says what was found instead of a time.
func (h Headers) Time(name string) (time.Time, error) {
	switch v := h[name].(type) {
	case nil:
		return time.Time{}, nil
	case time.Time:
		return v, nil
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return time.Time{}, fmt.Errorf("message: header %s: %w", name, err)
		}
		return t, nil
	default:
		return time.Time{}, fmt.Errorf("message: header %s is a %T, want a time", name, v)
	}
}
