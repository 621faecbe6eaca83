package handler

import (
	"fmt"

	"github.com/warren-mq/warren/message"
)

// DecodeError is the error of a body that could not be decoded. It is permanent, since the
// same bytes cannot be decoded in the next attempt either.
type DecodeError struct {
	ContentType     string // of the message, as it came; may be empty
	ContentEncoding string // of the message, as it came; Warren decodes none
	Err             error  // what the codec said
}

// Error returns the content type, the content encoding if there is one, and the codec's
// error.
func (e *DecodeError) Error() string {
	if e.ContentEncoding != "" {
		return fmt.Sprintf("handler: decode content type %q, encoding %q: %v", e.ContentType, e.ContentEncoding, e.Err)
	}
	return fmt.Sprintf("handler: decode content type %q: %v", e.ContentType, e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Permanent returns true: see retry.IsPermanent.
func (e *DecodeError) Permanent() bool { return true }

// Reason returns message.ReasonDecode.
func (e *DecodeError) Reason() string { return message.ReasonDecode }

// InvalidError is the error of a body that was decoded and did not pass its validation. It
// is permanent.
type InvalidError struct {
	Err error // what the validation said
}

// Error returns the validation's error.
func (e *InvalidError) Error() string { return fmt.Sprintf("handler: invalid payload: %v", e.Err) }

// Unwrap returns the validation's error.
func (e *InvalidError) Unwrap() error { return e.Err }

// Permanent returns true: see retry.IsPermanent.
func (e *InvalidError) Permanent() bool { return true }

// Reason returns message.ReasonInvalid.
func (e *InvalidError) Reason() string { return message.ReasonInvalid }
