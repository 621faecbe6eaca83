package warrentest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// fails is a handler that always fails.
func fails(context.Context, *message.Message) error { return errBusy }

func TestWaitSettledReturnsAtTheMomentOfTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, start := warrentest.NewBroker(t), time.Now()
		run := warrentest.Run(t, emailer(b, fails))
		b.Publish("events", "key", 1)
		for n, want := range []time.Duration{0, time.Hour, 6 * time.Hour, 30 * time.Hour} {
			if got := run.WaitSettled("email", n+1); len(got) != n+1 || time.Since(start) != want {
				t.Errorf("%v after %v, want %d outcomes after %v", got, time.Since(start), n+1, want)
			}
		}
		if got := run.WaitSettled("email", 1); len(got) != 4 {
			t.Errorf("got %v, want all that there are", got)
		}
	})
}

func TestWaitIdleWaitsForTheLadder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, start := warrentest.NewBroker(t), time.Now()
		run := warrentest.Run(t, emailer(b, fails))
		b.WaitIdle() // the broker is idle already
		b.Publish("events", "key", 1)
		b.WaitIdle()
		if n, took := len(run.Outcomes("email")), time.Since(start); n != 4 || took != 30*time.Hour {
			t.Errorf("idle after %d outcomes and %v, want 4 and 30h", n, took)
		}
		if n := len(b.DeadLetters("email")); n != 1 {
			t.Errorf("%d dead letters, want 1", n)
		}
	})
}

func TestWaitIdleWaitsForNativeRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t, func(c *devbroker.Config) { c.Version = "4.3" })
		w := worker.New(worker.Config{Broker: b.Config()})
		w.Queue(worker.Queue{Name: "q", Delays: topology.Native}).Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
			if m.Attempt == 1 {
				return errBusy
			}
			return nil
		}))
		run := warrentest.Run(t, w)
		b.Publish("", "q", 1)
		b.WaitIdle()
		if got := run.Outcomes("q"); len(got) != 2 || got[1].Verdict != worker.Ack {
			t.Errorf("idle after %v, want the retry that succeeds too", got)
		}
	})
}

// TestWaitIdleWaitsForMessagesThatExpire uses a message that expires, of which no worker has an
// event.
func TestWaitIdleWaitsForMessagesThatExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, start := warrentest.NewBroker(t), time.Now()
		w := worker.New(worker.Config{Broker: b.Config()})
		q := w.Queue(worker.Queue{Name: "email", MessageTTL: 24 * time.Hour})
		q.Handle("email", handler.Func(done))
		warrentest.Run(t, w)
		q.Pause()
		b.Publish("", "email", 1)
		b.WaitIdle()
		if took := time.Since(start); took < 24*time.Hour || took > 49*time.Hour {
			t.Errorf("idle after %v, want a day, or a while more", took)
		}
	})
}

// TestWaitIdleCountsDeadLetteringInTheBroker uses a retry that is dead-lettered to a full queue, which
// rejects it, and that the broker tries again three minutes later.
func TestWaitIdleCountsDeadLetteringInTheBroker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		w := worker.New(worker.Config{Broker: b.Config()})
		q := w.Queue(worker.Queue{Name: "email", MaxLength: 1, Retry: days})
		q.Handle("email", inTurn([]error{errBusy, nil, nil, nil}))
		run := warrentest.Run(t, w)
		b.Publish("", "email", "first")
		run.WaitSettled("email", 1)
		q.Pause()
		b.Publish("", "email", "second")
		b.Publish("", "email", "third") // a quorum queue accepts one message above its limit
		time.Sleep(time.Hour + time.Minute)
		q.Resume()
		b.WaitIdle()
		want := []warrentest.Outcome{
			{Attempt: 1, Verdict: worker.Retry, Reason: message.ReasonError, Delay: time.Hour}, {Attempt: 1}, {Attempt: 1}, {Attempt: 2},
		}
		if got := run.Outcomes("email"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestWaitIdleWaitsForAllEvents checks that WaitIdle waits for the worker's events, which come
// after the broker is idle, especially if an observer of the events is slow.
func TestWaitIdleWaitsForAllEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		w := emailer(b, done)
		w.Watch(func(e worker.Event) {
			if _, ok := e.(worker.Settled); ok {
				time.Sleep(time.Second)
			}
		})
		run := warrentest.Run(t, w)
		b.Publish("events", "key", 1)
		b.WaitIdle()
		if got := run.Outcomes("email"); len(got) != 1 {
			t.Errorf("idle with the outcomes %v, want one", got)
		}
	})
}

func TestWaitIdleCountsAllWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		first := warrentest.Run(t, emailer(b, func(_ context.Context, m *message.Message) error {
			b.Publish("", "invoice", string(m.Body))
			return nil
		}))
		w := worker.New(worker.Config{Broker: b.Config()})
		w.Queue(worker.Queue{Name: "invoice", Retry: days}).Handle("invoice", inTurn([]error{errBusy, nil}))
		second := warrentest.Run(t, w)
		b.Publish("events", "key", 1)
		b.WaitIdle()
		if a, b := first.Outcomes("email"), second.Outcomes("invoice"); len(a) != 1 || len(b) != 2 {
			t.Errorf("got %v and %v, want both queues worked off", a, b)
		}
	})
}

// TestWaitIdleWithTwoReplicas runs two workers that share the messages of one queue.
func TestWaitIdleWithTwoReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		sleepy := func(context.Context, *message.Message) error {
			time.Sleep(10 * time.Second)
			return nil
		}
		one, other := warrentest.Run(t, emailer(b, sleepy)), warrentest.Run(t, emailer(b, sleepy))
		start := time.Now()
		for n := range 10 {
			b.Publish("events", "key", n)
		}
		b.WaitIdle()
		if a, b := len(one.Outcomes("email")), len(other.Outcomes("email")); a != 5 || b != 5 || time.Since(start) != 50*time.Second {
			t.Errorf("%d and %d outcomes after %v, want 5 and 5 after 50s", a, b, time.Since(start))
		}
	})
}

func TestTwoMayWaitAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := warrentest.NewBroker(t)
		run := warrentest.Run(t, emailer(b, fails))
		b.Publish("events", "key", 1)
		outcomes := make(chan []warrentest.Outcome)
		go func() { outcomes <- run.WaitSettled("email", 4) }()
		b.WaitIdle()
		if got := <-outcomes; !slices.Equal(got, run.Outcomes("email")) {
			t.Errorf("got %v, want %v", got, run.Outcomes("email"))
		}
	})
}

func TestFailedWaitsReportWhatTheySaw(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		test func(tb testing.TB)
		want []string
	}{
		{"too few outcomes", func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			run := warrentest.Run(tb, emailer(b, fails))
			b.Publish("events", "key", 1)
			run.WaitSettled("email", 5)
			tb.Errorf("the test went on")
		}, []string{
			"warrentest: waited 2", "but queue email has 4 outcomes, want 5",
			"worker of email: consuming, 0 in handlers, 4 settled",
			"…", "attempt 2: retry in 5h0m0s (error): the server is busy", "attempt 4: dead-letter (error): the server is busy",
		}},
		{"a queue that is paused", func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			w := worker.New(worker.Config{Broker: b.Config()})
			q := w.Queue(worker.Queue{Name: "email"})
			q.Handle("email", handler.Func(done))
			warrentest.Run(tb, w)
			q.Pause()
			b.Publish("", "email", 1)
			b.WaitIdle()
			tb.Errorf("the test went on")
		}, []string{"warrentest: waited 2", "there are messages left", "queue email: 1 ready, 0 delayed, 0 unacked, 0 leaving", "worker of email: paused, 0 in handlers, 0 settled"}},
		{"a handler that does not return", func(tb testing.TB) {
			b := warrentest.NewBroker(tb, func(c *devbroker.Config) { c.ConsumerTimeout = -1 })
			let := make(chan struct{})
			warrentest.Run(tb, emailer(b, stuck(let)))
			tb.Cleanup(func() { close(let) })
			b.Publish("events", "key", 1)
			b.WaitIdle()
			tb.Errorf("the test went on")
		}, []string{"queue email: 0 ready, 0 delayed, 1 unacked, 0 leaving", "worker of email: consuming, 1 in handlers, 0 settled"}},
		{"a worker that was stopped", func(tb testing.TB) {
			b := warrentest.NewBroker(tb)
			run := warrentest.Run(tb, emailer(b, done))
			if err := run.Stop(); err != nil {
				tb.Errorf("%v", err)
			}
			b.Publish("events", "key", 1)
			run.WaitSettled("email", 1)
			tb.Errorf("the test went on")
		}, []string{"the worker has stopped"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { wantFailure(t, tt.test, tt.want...) })
		})
	}
}

// TestWaitsInRealTimeEnd checks the limit of waits in real time, with a shorter patience.
func TestWaitsInRealTimeEnd(t *testing.T) {
	t.Parallel()
	wantFailure(t, func(tb testing.TB) {
		warrentest.AwaitBriefly(tb, func() string { return "nothing came" })
		tb.Errorf("the test went on")
	}, "warrentest: waited ", "ms, but nothing came")
}

// TestTheExampleOfTheVirtualClock runs the code of the example, which cannot run by itself since
// a bubble needs a *testing.T.
func TestTheExampleOfTheVirtualClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, triesForTwoDays)
}
