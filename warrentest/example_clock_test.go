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

// In a bubble of testing/synctest the test, the worker and the broker use a virtual clock: two
// days of retries take no real time, and their delays are exact.
func ExampleNewBroker_virtualClock() {
	var t *testing.T // the parameter of your test, such as TestInvoicesAreRetriedForTwoDays
	synctest.Test(t, triesForTwoDays)
}

func triesForTwoDays(t *testing.T) {
	b := warrentest.NewBroker(t)
	run := warrentest.Run(t, newInvoicer(b.Config()))
	start := time.Now()

	b.Publish("", "invoice", "no. 1")
	b.WaitIdle()

	if took := time.Since(start); took != 48*time.Hour {
		t.Errorf("dead-lettered after %v, want two days", took)
	}
	if got, want := run.Delays("invoice"), []time.Duration{8 * time.Hour, 40 * time.Hour}; !slices.Equal(got, want) {
		t.Errorf("the delays were %v, want %v", got, want)
	}
}

func newInvoicer(b broker.Config) *worker.Worker {
	w := worker.New(worker.Config{Broker: b})
	q := w.Queue(worker.Queue{
		Name:  "invoice",
		Retry: retry.Policy{MaxAttempts: 3, InitialInterval: 8 * time.Hour, Multiplier: 5, MaxInterval: 48 * time.Hour, RandomizationFactor: -1},
	})
	q.Handle("invoice", handler.Func(closed))
	return w
}

func closed(context.Context, *message.Message) error { return errors.New("the office is closed") }
