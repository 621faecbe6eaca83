package batch_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// TestAMessageWaitsForASlotUntilItsContextEnds: a batch takes a minute and ignores its context. The
// message behind it whose context ends first is snoozed, and the message that has joined it is handled.
func TestAMessageWaitsForASlotUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	for name, deadlines := range map[string][]time.Duration{
		"the first message of the waiting batch":  {10 * time.Second, time.Hour},
		"the second message of the waiting batch": {time.Hour, 10 * time.Second},
		"all messages of the waiting batch":       {10 * time.Second, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { waitForASlot(t, deadlines) })
		})
	}
}

func waitForASlot(t *testing.T, deadlines []time.Duration) {
	t.Helper()
	b := newBench(2, func(context.Context, []int) error { time.Sleep(time.Minute); return nil })
	b.collector.Slots = &batch.Slots{Most: func() int { return 1 }}
	began := time.Now()
	first := make(chan []error, 1)
	go func() { first <- b.handle(2) }()
	synctest.Wait()
	type result struct {
		err  error
		took time.Duration
	}
	results := []chan result{make(chan result, 1), make(chan result, 1)}
	for i, d := range deadlines {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			err := b.collector.Handle(ctx, &message.Message{Body: []byte{'7' + byte(i)}, ContentType: "application/json"})
			results[i] <- result{err, time.Since(began)}
		}()
		synctest.Wait()
	}
	handled := 0
	for i, d := range deadlines {
		r := <-results[i]
		_, snoozed := retry.SnoozeDelay(r.err)
		if d < time.Minute && (!snoozed || r.took != d) {
			t.Errorf("message %d: error %v after %v, want a snooze after %v", i, r.err, r.took, d)
		}
		if d > time.Minute {
			if handled++; r.err != nil || r.took != 2*time.Minute {
				t.Errorf("message %d: error %v after %v, want none after 2m", i, r.err, r.took)
			}
		}
	}
	if errs := <-first; slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		t.Errorf("the first batch has the errors %v", errs)
	}
	if errs := b.handle(2); errs[0] != nil || errs[1] != nil || len(b.handled()) != 2+handled { // its slot was given back
		t.Errorf("the last batch has the errors %v, and there were %d calls, want %d", errs, len(b.handled()), 2+handled)
	}
}

// TestAWaitingBatchBeginsWhenTheLimitIsRaised: the batch before it takes a minute.
func TestAWaitingBatchBeginsWhenTheLimitIsRaised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		most := 1
		b := newBench(2, func(context.Context, []int) error { time.Sleep(time.Minute); return nil })
		b.collector.Slots = &batch.Slots{Most: func() int { return most }}
		began := time.Now()
		done := make(chan []error, 2)
		for range 2 {
			go func() { done <- b.handle(2) }()
			synctest.Wait()
		}
		most = 2
		b.collector.Slots.Grant()
		for range 2 {
			<-done
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("both batches were handled after %v, want 1m, at the same time", took)
		}
	})
}
