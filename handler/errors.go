package handler

import (
	"fmt"

	"github.com/warren-mq/warren/message"
)

// DecodeError says that a body could not be decoded. It is permanent: the same
// bytes will not decode the next time either.
type DecodeError struct {
	ContentType     string // of the message, as it came; may be empty
	ContentEncoding string // of the message, as it came; Warren decodes none
	Err             error  // what the codec said
}

// Error names the content type, the content encoding if there is one, and what
// the codec said.
func (e *DecodeError) Error() string {
	if e.ContentEncoding != "" {
		return fmt.Sprintf("handler: decode content type %q, encoding %q: %v", e.ContentType, e.ContentEncoding, e.Err)
	}
	return fmt.Sprintf("handler: decode content type %q: %v", e.ContentType, e.Err)
}

// Unwrap returns what the codec said.
func (e *DecodeError) Unwrap() error { return e.Err }

// Permanent is always true; package retry asks for it.
func (e *DecodeError) Permanent() bool { return true }

// Reason is message.ReasonDecode.
func (e *DecodeError) Reason() string { return message.ReasonDecode }

// InvalidError says that a body was decoded and did not pass its validation. It
// is permanent.
type InvalidError struct {
	Err error // what the validation said
}

// Error is what the validation said.
func (e *InvalidError) Error() string { return fmt.Sprintf("handler: invalid payload: %v", e.Err) }

// Unwrap returns what the validation said.
func (e *InvalidError) Unwrap() error { return e.Err }

// Permanent is always true; package retry asks for it.
func (e *InvalidError) Permanent() bool { return true }

// Reason is message.ReasonInvalid.
func (e *InvalidError) Reason() string { return message.ReasonInvalid }
