package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

var errOwn = errors.New("own")

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		handler handler.Func
		took    time.Duration
		want    string // the error's text
		timeout bool
	}{
		{"a handler in time is left alone", func(context.Context, *message.Message) error {
			return nil
		}, 0, "", false},
		{"an error in time is left alone", func(context.Context, *message.Message) error {
			return errOwn
		}, 0, "own", false},
		{"a late success is a success, and waited for", func(context.Context, *message.Message) error {
			time.Sleep(time.Minute)
			return nil
		}, time.Minute, "", false},
		{"a late error is a timeout with the error in it", func(context.Context, *message.Message) error {
			time.Sleep(time.Minute)
			return errOwn
		}, time.Minute, "worker: the handler overran its timeout of 5s: own", true},
		{"the context ends at the deadline", func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}, 5 * time.Second, "worker: the handler overran its timeout of 5s: context deadline exceeded", true},
		{"the cause names the limit, once", func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, 5 * time.Second, "worker: the handler overran its timeout of 5s", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				err := timeout(5*time.Second)(tt.handler).Handle(t.Context(), &message.Message{})
				if got := time.Since(begin); got != tt.took {
					t.Errorf("took %v, want %v", got, tt.took)
				}
				if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				if got := errors.Is(err, context.DeadlineExceeded); got != tt.timeout {
					t.Errorf("errors.Is context.DeadlineExceeded: %v, want %v", got, tt.timeout)
				}
			})
		})
	}
}

func TestTimeoutKeepsMarksAndSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := timeout(time.Second)(handler.Func(func(context.Context, *message.Message) error {
			time.Sleep(2 * time.Second)
			return retry.Permanent(errOwn)
		})).Handle(t.Context(), &message.Message{})
		e, ok := errors.AsType[*TimeoutError](err)
		if !ok || e.Limit != time.Second || e.Reason() != message.ReasonTimeout || !e.Timeout() {
			t.Fatalf("%#v, want a *TimeoutError of 1s", err)
		}
		if !retry.IsPermanent(err) || !errors.Is(err, errOwn) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v lost its mark, its cause or its kind", err)
		}
	})
}

func TestTimeoutLeavesOtherDeadlinesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := timeout(time.Minute)(handler.Func(func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})).Handle(ctx, &message.Message{})
		if err != context.DeadlineExceeded { //nolint:errorlint // the very error, unwrapped
			t.Errorf("got %v, want the outer deadline as it is", err)
		}
	})
}

func TestAZeroTimeoutIsNoLimit(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, -1} {
		err := timeout(d)(handler.Func(func(ctx context.Context, _ *message.Message) error {
			if _, limited := ctx.Deadline(); limited {
				return errOwn
			}
			return nil
		})).Handle(t.Context(), &message.Message{})
		if err != nil {
			t.Errorf("Timeout(%v) sets a deadline", d)
		}
	}
}
