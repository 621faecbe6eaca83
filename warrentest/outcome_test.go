package warrentest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

var errBusy = errors.New("the server is busy")

// TestOutcomesOfWhatAHandlerReturns checks the outcomes of a handler that returns the errors of
// each row in turn.
func TestOutcomesOfWhatAHandlerReturns(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for _, tt := range []struct {
		name    string
		returns []error
		want    []warrentest.Outcome
		delays  []time.Duration
	}{
		{"nil", []error{nil}, []warrentest.Outcome{{Attempt: 1, Verdict: worker.Ack}}, nil},
		{"an error each time", []error{errBusy, errBusy, errBusy, errBusy}, []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: hour},
			{Attempt: 2, Verdict: worker.Retry, Reason: message.ReasonError, Delay: 5 * hour},
			{Attempt: 3, Verdict: worker.Retry, Reason: message.ReasonError, Delay: 24 * hour},
			{Attempt: 4, Verdict: worker.DeadLetter, Reason: message.ReasonError},
		}, []time.Duration{hour, 5 * hour, 24 * hour}},
		{"an error that asks for a pause", []error{retry.After(1234*time.Millisecond, errBusy), nil}, []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: 1234 * time.Millisecond},
			{Attempt: 2, Verdict: worker.Ack},
		}, []time.Duration{1234 * time.Millisecond}},
		{"a snooze, which spends no attempt", []error{retry.Snooze(9 * 24 * hour), nil}, []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Delay: 9 * 24 * hour},
			{Attempt: 1, Verdict: worker.Ack},
		}, []time.Duration{9 * 24 * hour}},
		{"a permanent error", []error{retry.Permanent(errBusy)}, []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.DeadLetter, Reason: message.ReasonPermanent},
		}, nil},
		{"an error to be discarded", []error{retry.Discard(errBusy)}, []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Discard},
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := warrentest.NewBroker(t)
				run := warrentest.Run(t, emailer(b, inTurn(tt.returns)))
				b.Publish("events", "key", 1)
				b.WaitIdle()
				if got := run.Outcomes("email"); !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
				if got := run.Delays("email"); !slices.Equal(got, tt.delays) {
					t.Errorf("got the delays %v, want %v", got, tt.delays)
				}
			})
		})
	}
}

// inTurn returns a handler that returns the errors one after the other.
func inTurn(errs []error) handler.Func {
	return func(context.Context, *message.Message) error {
		err := errs[0]
		errs = errs[1:]
		return err
	}
}

func TestOutcomesOfHandlers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		h    handler.Handler
		want warrentest.Outcome
	}{
		{
			"it panics", handler.Func(func(context.Context, *message.Message) error { panic("boom") }),
			warrentest.Outcome{Attempt: 1, Verdict: worker.DeadLetter, Reason: message.ReasonPanic},
		},
		{"it takes too long", handler.Func(func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}), warrentest.Outcome{Attempt: 1, Verdict: worker.DeadLetter, Reason: message.ReasonTimeout}},
		{
			"it cannot decode", handler.Typed(func(context.Context, SignedUp) error { return nil }),
			warrentest.Outcome{Attempt: 1, Verdict: worker.DeadLetter, Reason: message.ReasonDecode},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := warrentest.NewBroker(t)
				run := warrentest.Run(t, emailer(b, tt.h.Handle, func(q *worker.Queue) { q.Retry.MaxAttempts = 1 }))
				b.Publish("events", "key", []byte("no JSON"))
				if got := run.WaitSettled("email", 1); len(got) != 1 || got[0] != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestOutcomesOfOneMessageAmongOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, func(_ context.Context, m *message.Message) error {
			if m.Attempt < 3 && m.ID != "good" {
				return errBusy
			}
			return nil
		}))
		for _, id := range []string{"bad", "good", "worse"} {
			b.Publish("events", "key", id, broker.WithMessageID(id))
			time.Sleep(time.Minute) // so that they take turns
		}
		b.WaitIdle()
		want := []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: time.Hour},
			{Attempt: 2, Verdict: worker.Retry, Reason: message.ReasonError, Delay: 5 * time.Hour},
			{Attempt: 3, Verdict: worker.Ack},
		}
		for id, want := range map[string][]warrentest.Outcome{"bad": want, "worse": want, "good": {{Attempt: 1}}, "none": nil} {
			if got := run.Outcomes("email", id); !slices.Equal(got, want) {
				t.Errorf("outcomes of %s are %v, want %v", id, got, want)
			}
		}
		if got := run.Outcomes("email", "good", "bad"); len(got) != 4 {
			t.Errorf("outcomes of two messages are %v, want four", got)
		}
		if got := run.Delays("email", "worse"); !slices.Equal(got, []time.Duration{time.Hour, 5 * time.Hour}) {
			t.Errorf("the delays are %v, want 1h and 5h", got)
		}
		if got := run.Delays("email"); !slices.Equal(got, []time.Duration{time.Hour, time.Hour, 5 * time.Hour, 5 * time.Hour}) {
			t.Errorf("all delays are %v, want 1h, 1h, 5h, 5h", got)
		}
	})
}

func TestOutcomeInWords(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]warrentest.Outcome{
		"attempt 1: ack":                 {Attempt: 1},
		"attempt 1: release, stale":      {Attempt: 1, Verdict: worker.Release, Stale: true},
		"attempt 1: retry in 1m0s":       {Attempt: 1, Verdict: worker.Retry, Delay: time.Minute},
		"attempt 2: retry in 4s (error)": {Attempt: 2, Verdict: worker.Retry, Delay: 4 * time.Second, Reason: message.ReasonError},
		"attempt 3: dead-letter (panic)": {Attempt: 3, Verdict: worker.DeadLetter, Reason: message.ReasonPanic},
	} {
		if got := o.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOutcomesFailTheTestForAnUnknownQueue(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(testing.TB, *warrentest.Running){
		"Outcomes":    func(_ testing.TB, run *warrentest.Running) { run.Outcomes("emial") },
		"Delays":      func(_ testing.TB, run *warrentest.Running) { run.Delays("emial") },
		"WaitSettled": func(tb testing.TB, run *warrentest.Running) { run.WaitSettled("emial", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFailure(t, func(tb testing.TB) { look(tb, warrentest.Run(tb, emailer(warrentest.NewBroker(tb), done))) },
				`warrentest: queue "emial" is not a queue of the worker, want one of ["email"]`)
		})
	}
}
