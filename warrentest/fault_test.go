package warrentest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// TestARetryWhoseConfirmIsLostComesTwice checks the duplicate of at-least-once delivery.
func TestARetryWhoseConfirmIsLostComesTwice(t *testing.T) {
	t.Parallel()
	retryWith(t, devbroker.Fault{On: devbroker.OnConfirm, Times: 1, Do: devbroker.Drop}, 2)
}

// TestARetryWhoseConfirmIsLateComesOnce checks that no second copy is published while the
// confirm of the first is outstanding.
func TestARetryWhoseConfirmIsLateComesOnce(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{45 * time.Second, 195 * time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			retryWith(t, devbroker.Fault{On: devbroker.OnConfirm, Times: 1, Delay: late}, 1)
		})
	}
}

// retryWith fails one message, injects the fault for its copy, and checks how many times the
// second attempt runs.
func retryWith(t *testing.T, fault devbroker.Fault, seconds int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				b.Inject(fault)
				return errBusy
			}
			return nil
		}))
		b.Publish("events", "key", 1)
		b.WaitIdle()
		want := []warrentest.Outcome{{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: time.Hour}}
		for range seconds {
			want = append(want, warrentest.Outcome{Attempt: 2, Verdict: worker.Ack})
		}
		if got := run.Outcomes("email"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if !slices.ContainsFunc(run.Events(), failedHandOff) {
			t.Errorf("no event has the copy that was not confirmed: %v", run.Events())
		}
	})
}

func failedHandOff(e worker.Event) bool {
	f, ok := e.(worker.HandOffFailed)
	return ok && f.Err != nil
}

// TestAnAckThatIsLost checks that the broker delivers the message again after the connection
// is lost.
func TestAnAckThatIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, done))
		b.Inject(devbroker.Fault{On: devbroker.OnAck, Name: "email", Times: 1, Do: devbroker.Drop})
		b.Publish("events", "key", 1)
		b.WaitIdle()
		if got := run.Outcomes("email"); !slices.Equal(got, []warrentest.Outcome{{Attempt: 1}, {Attempt: 1}}) {
			t.Errorf("got %v, want two acks", got)
		}
	})
}

// TestAnOutcomeAfterTheConnectionIsStale checks that the broker delivers the message again.
func TestAnOutcomeAfterTheConnectionIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, lost, func(q *worker.Queue) { q.Timeout = -1 }))
		b.Publish("events", "key", 1)
		synctest.Wait()
		b.Drop()
		b.WaitIdle()
		got := run.Outcomes("email")
		if len(got) != 2 || !got[0].Stale || got[1].Stale {
			t.Errorf("got %v, want a stale outcome and a good one", got)
		}
	})
}

// TestABlockedBrokerTakesNoCopies checks that the worker keeps the message while the broker
// blocks it, and then publishes its copy once.
func TestABlockedBrokerTakesNoCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				b.Block("low on disk")
				return errBusy
			}
			return nil
		}))
		b.Publish("events", "key", 1)
		time.Sleep(10 * time.Minute)
		if got := run.Outcomes("email"); len(got) != 0 || !slices.ContainsFunc(run.Events(), failedHandOff) {
			t.Errorf("got %v, want no outcome while the broker is blocked, and an event about it", got)
		}
		b.Unblock()
		b.WaitIdle()
		got := run.Outcomes("email")
		if len(got) != 2 || got[0].Verdict != worker.Retry || got[1] != (warrentest.Outcome{Attempt: 2}) {
			t.Errorf("got %v, want one retry", got)
		}
	})
}

func TestPublishingToABlockedBrokerFailsTheTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wantFailure(t, func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			warrentest.Run(tb, emailer(b, done))
			b.Block("low on disk")
			b.Publish("events", "key", 1)
			tb.Errorf("the test went on")
		}, "warrentest: ", broker.ErrBlocked.Error(), "low on disk")
	})
}

// TestABrokerThatClosesConnections checks that the worker and a publisher reconnect by
// themselves.
func TestABrokerThatClosesConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, done))
		b.Publish("events", "key", 1)
		b.WaitIdle()
		for range 10 {
			b.CloseConnections("maintenance")
			time.Sleep(time.Minute)
		}
		b.Publish("events", "key", 2)
		b.WaitIdle()
		if n := len(run.Outcomes("email")); n != 2 {
			t.Errorf("%d outcomes, want 2", n)
		}
		downs := slices.DeleteFunc(run.Events(), func(e worker.Event) bool { d, ok := e.(worker.SessionDown); return !ok || errors.Is(d.Err, nil) })
		if len(downs) != 20 {
			t.Errorf("%d lost sessions, want 20", len(downs))
		}
	})
}
