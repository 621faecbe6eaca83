// Package reason returns why a handler has failed, for dead letters and for the callers of
// requests.
package reason

import (
	"errors"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// maxOwn is the length in bytes of the longest reason of a handler's own.
const maxOwn = 255

// Of returns the Reason constant of package message for err: the result of its method Reason, if
// that is one of those that mark an error.
func Of(err error) string {
	switch r := own(err); r {
	case message.ReasonPanic, message.ReasonTimeout, message.ReasonDecode, message.ReasonInvalid, message.ReasonUnhandled, message.ReasonDeliveryLimit:
		return r
	}
	if IsPermanent(err) {
		return message.ReasonPermanent
	}
	return message.ReasonError
}

// IsPermanent reports whether err is marked as permanent, by package retry or by backoff/v4.
func IsPermanent(err error) bool {
	if _, ok := errors.AsType[*backoff.PermanentError](err); ok {
		return true
	}
	return retry.IsPermanent(err)
}

// ForCaller returns the reason that the caller of a request gets: the result of the method Reason
// of err, or of if it has none.
func ForCaller(err error, of string) string {
	if r := own(err); r != "" {
		return record.Clip(r, maxOwn)
	}
	if of == "" {
		return message.ReasonError
	}
	return of
}

// own returns the result of the method Reason of err.
func own(err error) string {
	if r, ok := errors.AsType[interface {
		error
		Reason() string
	}](err); ok {
		return r.Reason()
	}
	return ""
}
