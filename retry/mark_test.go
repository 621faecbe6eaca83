package retry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/warren-mq/warren/retry"
)

var errBoom = errors.New("boom")

// statusError is an error of a package that does not import retry.
type statusError struct{ code int }

func (e *statusError) Error() string   { return fmt.Sprint("status ", e.code) }
func (e *statusError) Permanent() bool { return e.code < 500 }

// busyError has a delay until the next attempt, as an HTTP client's error might.
type busyError time.Duration

func (e busyError) Error() string             { return "busy" }
func (e busyError) RetryAfter() time.Duration { return time.Duration(e) }

func TestIsPermanentAsksForBehaviour(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"nil is not", nil, false},
		{"a plain error is not", errBoom, false},
		{"a marked error is", retry.Permanent(errBoom), true},
		{"a wrapped mark is", fmt.Errorf("send: %w", retry.Permanent(errBoom)), true},
		{"a joined mark is", errors.Join(errBoom, retry.Permanent(errBoom)), true},
		{"a mark under another mark is", retry.After(time.Second, retry.Permanent(errBoom)), true},
		{"a foreign error whose method returns true is", fmt.Errorf("call: %w", &statusError{404}), true},
		{"a foreign error whose method returns false is not", &statusError{503}, false},
		{"an outer mark overrules an inner false", retry.Permanent(&statusError{503}), true},
		{"a discard is not", retry.Discard(errBoom), false},
		{"a snooze is not", retry.Snooze(time.Second), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := retry.IsPermanent(tt.err); got != tt.want {
				t.Errorf("IsPermanent(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

func TestIsDiscardSeesThroughWrapsAndJoins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"nil is not", nil, false},
		{"a plain error is not", errBoom, false},
		{"a permanent error is not", retry.Permanent(errBoom), false},
		{"a marked error is", retry.Discard(errBoom), true},
		{"a wrapped mark is", fmt.Errorf("send: %w", retry.Discard(errBoom)), true},
		{"a joined mark is", errors.Join(errBoom, retry.Discard(errBoom)), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := retry.IsDiscard(tt.err); got != tt.want {
				t.Errorf("IsDiscard(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

func TestDelaysAreFoundInErrors(t *testing.T) {
	t.Parallel()
	type found struct {
		delay time.Duration
		ok    bool
	}
	for _, tt := range []struct {
		name          string
		err           error
		after, snooze found
	}{
		{"nil has none", nil, found{}, found{}},
		{"a plain error has none", errBoom, found{}, found{}},
		{"After has its own", retry.After(time.Hour, errBoom), found{time.Hour, true}, found{}},
		{"After may be at once", retry.After(0, errBoom), found{0, true}, found{}},
		{"After cannot lie in the past", retry.After(-1, errBoom), found{0, true}, found{}},
		{"a wrapped After has its own", fmt.Errorf("x: %w", retry.After(1, errBoom)), found{1, true}, found{}},
		{"a joined After has its own", errors.Join(errBoom, retry.After(1, errBoom)), found{1, true}, found{}},
		{"the outermost After counts", retry.After(1, retry.After(2, errBoom)), found{1, true}, found{}},
		{"a foreign error may have one", fmt.Errorf("x: %w", busyError(time.Minute)), found{time.Minute, true}, found{}},
		{"a foreign error may have none", busyError(-1), found{}, found{}},
		{"Snooze has its own", retry.Snooze(time.Hour), found{}, found{time.Hour, true}},
		{"Snooze cannot lie in the past", retry.Snooze(-1), found{}, found{0, true}},
		{"a wrapped Snooze has its own", fmt.Errorf("x: %w", retry.Snooze(1)), found{}, found{1, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d, ok := retry.AfterDelay(tt.err); (found{d, ok}) != tt.after {
				t.Errorf("AfterDelay(%v) = %v, %v, want %v", tt.err, d, ok, tt.after)
			}
			if d, ok := retry.SnoozeDelay(tt.err); (found{d, ok}) != tt.snooze {
				t.Errorf("SnoozeDelay(%v) = %v, %v, want %v", tt.err, d, ok, tt.snooze)
			}
		})
	}
}

func TestMarksOfNilAreNil(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"Permanent": retry.Permanent(nil),
		"Discard":   retry.Discard(nil),
		"After":     retry.After(time.Second, nil),
	} {
		if err != nil {
			t.Errorf("%s(nil) = %v, want nil", name, err)
		}
	}
}

func TestMarksKeepTheTextAndTheCause(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"Permanent": retry.Permanent(errBoom),
		"Discard":   retry.Discard(errBoom),
		"After":     retry.After(time.Second, errBoom),
	} {
		if err.Error() != "boom" || !errors.Is(err, errBoom) || errors.Unwrap(err) == nil {
			t.Errorf("%s: %q wraps %v, want boom", name, err, errors.Unwrap(err))
		}
	}
	if got, want := retry.Snooze(90*time.Second).Error(), "retry: snoozed for 1m30s"; got != want {
		t.Errorf("Snooze has the text %q, want %q", got, want)
	}
}
