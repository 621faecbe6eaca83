package reason_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/internal/reason"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// failure is an error with a reason.
type failure string

func (f failure) Error() string  { return "failed" }
func (f failure) Reason() string { return string(f) }

func TestReasons(t *testing.T) {
	t.Parallel()
	plain := errors.New("failed")
	for _, tt := range []struct {
		name       string
		err        error
		of, caller string
	}{
		{"an error", plain, message.ReasonError, message.ReasonError},
		{"a permanent error", retry.Permanent(plain), message.ReasonPermanent, message.ReasonPermanent},
		{"a permanent error of backoff", backoff.Permanent(plain), message.ReasonPermanent, message.ReasonPermanent},
		{"an error with a reason of a dead letter", retry.Permanent(failure(message.ReasonInvalid)), message.ReasonInvalid, message.ReasonInvalid},
		{"an error with another reason", retry.Permanent(failure("not_found")), message.ReasonPermanent, "not_found"},
		{"an error with an empty reason", failure(""), message.ReasonError, message.ReasonError},
		{"an error with a long reason", failure(strings.Repeat("x", 300)), message.ReasonError, strings.Repeat("x", 252) + "…"},
	} {
		of := reason.Of(tt.err)
		if caller := reason.ForCaller(tt.err, of); of != tt.of || caller != tt.caller {
			t.Errorf("%s: got %q and %q for the caller, want %q and %q", tt.name, of, caller, tt.of, tt.caller)
		}
	}
	if got := reason.ForCaller(plain, ""); got != message.ReasonError {
		t.Errorf("got %q without a reason of the outcome, want error", got)
	}
}
