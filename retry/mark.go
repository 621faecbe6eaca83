package retry

import (
	"errors"
	"fmt"
	"time"
)

type permanentError struct{ cause error }

func (e *permanentError) Error() string   { return e.cause.Error() }
func (e *permanentError) Unwrap() error   { return e.cause }
func (e *permanentError) Permanent() bool { return true }

// Permanent marks err as permanent: the message is dead-lettered without further
// attempts. Permanent(nil) returns nil. The result has the text of err.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether the outermost error in err's tree that has a method
// Permanent() bool returns true from it. Marks of other packages without that method,
// such as *backoff.PermanentError, are not recognized.
func IsPermanent(err error) bool {
	p, ok := errors.AsType[interface {
		error
		Permanent() bool
	}](err)
	return ok && p.Permanent()
}

type afterError struct {
	delay time.Duration
	cause error
}

func (e *afterError) Error() string             { return e.cause.Error() }
func (e *afterError) Unwrap() error             { return e.cause }
func (e *afterError) RetryAfter() time.Duration { return e.delay }

// After marks err with the delay d until the next attempt, which replaces the policy's
// delay. The failed attempt counts. A negative d means zero. After(d, nil) returns nil.
// The result has the text of err.
func After(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &afterError{max(d, 0), err}
}

// AfterDelay returns the delay from the outermost error in err's tree that has a method
// RetryAfter() time.Duration. It returns false if no error has the method, or if the
// delay is negative.
func AfterDelay(err error) (time.Duration, bool) {
	a, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err)
	if !ok {
		return 0, false
	}
	d := a.RetryAfter()
	return max(d, 0), d >= 0
}

type snoozeError struct{ delay time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("retry: snoozed for %v", e.delay) }

// Snooze returns an error with which a handler postpones the message by d. It is not a
// failure: the attempt does not count. A negative d means zero.
func Snooze(d time.Duration) error { return &snoozeError{max(d, 0)} }

// SnoozeDelay returns the delay of the outermost error in err's tree that was made by
// Snooze. It returns false if there is none.
func SnoozeDelay(err error) (time.Duration, bool) {
	if s, ok := errors.AsType[*snoozeError](err); ok {
		return s.delay, true
	}
	return 0, false
}

type discardError struct{ cause error }

func (e *discardError) Error() string { return e.cause.Error() }
func (e *discardError) Unwrap() error { return e.cause }

// Discard marks err so that the message is dropped: it is neither retried nor
// dead-lettered. Discard(nil) returns nil. The result has the text of err.
func Discard(err error) error {
	if err == nil {
		return nil
	}
	return &discardError{err}
}

// IsDiscard reports whether any error in err's tree was marked by Discard.
func IsDiscard(err error) bool {
	_, ok := errors.AsType[*discardError](err)
	return ok
}
