package warrentest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

func TestRunReturnsAReadyWorkerAndEndsItWithTheTest(t *testing.T) {
	t.Parallel()
	var run *warrentest.Running
	t.Run("a test", func(t *testing.T) {
		b := warrentest.NewBroker(t)
		w := emailer(b, done)
		run = warrentest.Run(t, w)
		if h := w.Health(); !h.Ready {
			t.Errorf("the worker is not ready: %v", h.Reasons)
		}
	})
	events := run.Events()
	if last, ok := events[len(events)-1].(worker.Drained); !ok || last.Err != nil {
		t.Errorf("the last event is %+v, want a clean end", events[len(events)-1])
	}
}

func TestRunLeavesOtherWatchersAlone(t *testing.T) {
	t.Parallel()
	b, settled := warrentest.NewBroker(t), make(chan worker.Settled, 1)
	w := worker.New(worker.Config{Broker: b.Config()})
	w.Watch(func(e worker.Event) {
		if s, ok := e.(worker.Settled); ok {
			settled <- s
		}
	})
	w.Queue(worker.Queue{Name: "email"}).Handle("email", handler.Func(done))
	warrentest.Run(t, w).Events()
	b.Publish("", "email", 1)
	if s := <-settled; s.Outcome.Verdict != worker.Ack {
		t.Errorf("settled as %v, want an ack", s.Outcome.Verdict)
	}
}

func TestRunFailsTheTest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		test func(tb testing.TB)
		want []string
	}{
		{"if the configuration is wrong", func(tb testing.TB) {
			warrentest.Run(tb, worker.New(worker.Config{Broker: warrentest.NewBroker(tb).Config()}))
			tb.Errorf("the test went on")
		}, []string{"warrentest: run the worker: ", "no queue is registered"}},
		{"if the broker is gone", func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			if err := b.Close(); err != nil {
				tb.Errorf("%v", err)
			}
			warrentest.Run(tb, emailer(b, done))
			tb.Errorf("the test went on")
		}, []string{"warrentest: run the worker: ", "devbroker: closed"}},
		{"if a queue cannot be consumed from", func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			cfg := b.Config()
			cfg.StartupTimeout = -1
			if err := b.Close(); err != nil {
				tb.Errorf("%v", err)
			}
			w := worker.New(worker.Config{Broker: cfg})
			w.Queue(worker.Queue{Name: "email"}).Handle("email", handler.Func(done))
			warrentest.Run(tb, w)
			tb.Errorf("the test went on")
		}, []string{"warrentest: waited 1m0", "but the worker is not ready", "devbroker: closed", "email: starting"}},
		{"if its handler is stuck at the end", func(tb testing.TB) {
			let := make(chan struct{})
			tb.Cleanup(func() { close(let) })
			b := warrentest.NewBroker(tb)
			warrentest.Run(tb, emailer(b, stuck(let)))
			b.Publish("events", "key", 1)
			synctest.Wait()
		}, []string{"warrentest: the worker's Run returned: ", worker.ErrHandlerStuck.Error()}},
		{"unless Stop was asked for the error", func(tb testing.TB) {
			let := make(chan struct{})
			tb.Cleanup(func() { close(let) })
			b := warrentest.NewBroker(tb)
			run := warrentest.Run(tb, emailer(b, stuck(let)))
			b.Publish("events", "key", 1)
			synctest.Wait()
			if err := run.Stop(); !errors.Is(err, worker.ErrHandlerStuck) || !errors.Is(run.Stop(), err) {
				tb.Errorf("Stop returned %v, want %v", err, worker.ErrHandlerStuck)
			}
			tb.Errorf("nothing else")
		}, []string{"nothing else"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { wantFailure(t, tt.test, tt.want...) })
		})
	}
}

// stuck returns a handler that ignores its context.
func stuck(let <-chan struct{}) func(context.Context, *message.Message) error {
	return func(context.Context, *message.Message) error {
		<-let
		return nil
	}
}

func TestStopDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, func(context.Context, *message.Message) error {
			time.Sleep(20 * time.Second) // shorter than the grace period
			return nil
		}))
		for n := range 3 {
			b.Publish("events", "key", n)
		}
		synctest.Wait() // one message is in the handler
		if err := run.Stop(); err != nil {
			t.Errorf("Stop returned %v, want nil", err)
		}
		if got := run.Outcomes("email"); len(got) != 1 || got[0].Verdict != worker.Ack {
			t.Errorf("got %v, want the started message acked", got)
		}
		if left := b.Waiting("email"); len(left) != 2 || string(left[0].Body) != "1" {
			t.Errorf("%v are ready, want the other messages in order", left)
		}
	})
}

// TestWhatIsCutShortIsReleased checks that an interrupted message keeps its attempt and is
// delivered to another worker.
func TestWhatIsCutShortIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		first := warrentest.Run(t, emailer(b, func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, func(q *worker.Queue) { q.Timeout = -1 }))
		b.Publish("events", "key", 1)
		synctest.Wait()
		if err := first.Stop(); err != nil {
			t.Errorf("Stop returned %v, want nil", err)
		}
		second := warrentest.Run(t, emailer(b, done))
		b.WaitIdle()
		got := append(first.Outcomes("email"), second.Outcomes("email")...)
		want := []warrentest.Outcome{{Attempt: 1, Verdict: worker.Release}, {Attempt: 1, Verdict: worker.Ack}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
