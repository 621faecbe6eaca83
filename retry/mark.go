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

// Permanent marks err: trying again is useless, the message is a dead letter at
// once. Permanent(nil) is nil. The text of the result is that of err.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent says whether err, or an error it wraps or joins, says so of itself
// by a method Permanent() bool. As with errors.As the outermost that has the
// method is asked, and its answer stands. Marks of other packages, such as
// *backoff.PermanentError, which have no such method, are not known here.
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

// After marks err: the next attempt is to be made d from now, whatever the policy
// says; the attempt is spent. Less than nothing is nothing. After(d, nil) is nil.
// The text of the result is that of err.
func After(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &afterError{max(d, 0), err}
}

// AfterDelay returns the pause that err, or an error it wraps or joins, asks for
// by a method RetryAfter() time.Duration, and whether one does. A negative pause
// asks for nothing.
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

// Snooze returns an error that is no failure: the message is to be handled d from
// now, and this attempt does not count. Less than nothing is nothing.
func Snooze(d time.Duration) error { return &snoozeError{max(d, 0)} }

// SnoozeDelay returns the pause asked for by a Snooze that err is, wraps or
// joins, and whether there is one.
func SnoozeDelay(err error) (time.Duration, bool) {
	if s, ok := errors.AsType[*snoozeError](err); ok {
		return s.delay, true
	}
	return 0, false
}

type discardError struct{ cause error }

func (e *discardError) Error() string { return e.cause.Error() }
func (e *discardError) Unwrap() error { return e.cause }

// Discard marks err: the message is neither tried again nor kept as a dead
// letter. Discard(nil) is nil. The text of the result is that of err.
func Discard(err error) error {
	if err == nil {
		return nil
	}
	return &discardError{err}
}

// IsDiscard says whether err is, wraps or joins an error marked by Discard.
func IsDiscard(err error) bool {
	_, ok := errors.AsType[*discardError](err)
	return ok
}
