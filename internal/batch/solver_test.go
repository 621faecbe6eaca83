package batch_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// job is an item of a batch for the fuzz test.
type job struct{ bad, retried bool }

// FuzzBadItems checks for any batch that bad items take no good ones along, within the number of
// calls that HandleBatch promises.
func FuzzBadItems(f *testing.F) {
	f.Add([]byte{0})
	f.Add(slices.Repeat([]byte{1}, 64))
	f.Add(slices.Concat(slices.Repeat([]byte{1}, 41), slices.Repeat([]byte{0}, 23)))
	f.Add(slices.Concat(slices.Repeat([]byte{0}, 23), slices.Repeat([]byte{1}, 41)))
	f.Add(slices.Concat([]byte{1}, slices.Repeat([]byte{1, 1, 1, 2, 1, 1, 1}, 9)))
	f.Add(slices.Repeat([]byte{0, 1, 2, 3}, 100))
	f.Fuzz(func(t *testing.T, kinds []byte) {
		jobs := make([]job, min(len(kinds), 500))
		for i := range jobs {
			jobs[i] = job{bad: kinds[i]&1 != 0, retried: kinds[i]&2 != 0}
		}
		check(t, jobs)
	})
}

func check(t *testing.T, jobs []job) {
	t.Helper()
	done, alone := make([]int, len(jobs)), make(map[int]bool)
	some, common := false, false // a call has succeeded; four items had failed alone before
	b := newBench(len(jobs), func(_ context.Context, items []int) error {
		if len(items) == 1 {
			alone[items[0]] = true
		}
		if slices.ContainsFunc(items, func(i int) bool { return jobs[i].bad }) {
			common = common || !some && len(alone) >= 4
			return errBad
		}
		some = true
		for _, i := range items {
			done[i]++
		}
		return nil
	})
	errs := b.handleAll(t, jobs)
	for i, j := range jobs {
		switch {
		case j.bad && (errs[i] == nil || errors.Is(errs[i], errBad) != alone[i]):
			t.Errorf("bad item %d, called alone %v: error %v", i, alone[i], errs[i])
		case j.bad && !alone[i] && (!common || j.retried):
			t.Errorf("bad item %d was not called alone", i)
		case !j.bad && done[i] != 1 && (!common || j.retried || done[i] != 0):
			t.Errorf("good item %d was handled %d times, error %v", i, done[i], errs[i])
		case !j.bad && (errs[i] == nil) != (done[i] == 1):
			t.Errorf("good item %d was handled %d times, and has the error %v", i, done[i], errs[i])
		}
	}
	if n := len(b.handled()); n > max(2*len(jobs)-1, 0) {
		t.Errorf("%d calls for %d items, want at most %d", n, len(jobs), 2*len(jobs)-1)
	}
}

// handleAll handles the numbers of jobs as one batch.
func (b *bench) handleAll(t *testing.T, jobs []job) []error {
	t.Helper()
	contexts, messages := make([]context.Context, len(jobs)), make([]*message.Message, len(jobs))
	for i, j := range jobs {
		contexts[i] = t.Context()
		messages[i] = &message.Message{Body: []byte(strconv.Itoa(i)), ContentType: "application/json", Attempt: 1 + btoi(j.retried)}
	}
	return b.collector.HandleAll(contexts, messages)
}

func TestItemsOnTheirLastAttemptAreCalledUntilEachHasAResult(t *testing.T) {
	t.Parallel()
	b := newBench(64, bad(numbers(64)...))
	b.collector.Last = func(attempt int) bool { return attempt == 1 }
	for i, err := range b.handleAll(t, make([]job, 64)) {
		if !errors.Is(err, errBad) {
			t.Errorf("item %d: error %v, want %v", i, err, errBad)
		}
	}
	if n := len(b.handled()); n != 64+6 {
		t.Errorf("%d calls, want one for each item, and six to halve the batch", n)
	}
}

// TestAPostponedBatchIsCalledOnce: the error is about the time, and not about an item.
func TestAPostponedBatchIsCalledOnce(t *testing.T) {
	t.Parallel()
	for name, postponed := range map[string]error{"snoozed": retry.Snooze(time.Minute), "later": retry.After(time.Minute, errBad)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(64, func(context.Context, []int) error { return postponed })
			for i, err := range b.handleAll(t, make([]job, 64)) {
				if !errors.Is(err, postponed) {
					t.Errorf("item %d: error %v, want %v", i, err, postponed)
				}
			}
			if n := len(b.handled()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// A permanent error with a pause does not make the other items dead letters.
func TestAPermanentErrorWithAPauseIsOfItsItem(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]func(error) error{"permanent": retry.Permanent, "discarded": retry.Discard} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := mark(retry.After(time.Minute, errBad))
			b := newBench(64, func(_ context.Context, items []int) error {
				if slices.Contains(items, 7) {
					return wrong
				}
				return nil
			})
			for i, err := range b.handleAll(t, make([]job, 64)) {
				if (err != nil) != (i == 7) {
					t.Errorf("item %d: error %v", i, err)
				}
			}
		})
	}
}

func TestHandleAllLeavesOutWhatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	b := newBench(3, bad(1))
	messages := []*message.Message{{Body: []byte("0"), ContentType: "application/json"}, {Body: []byte("{"), ContentType: "application/json"}, {Body: []byte("1"), ContentType: "application/json"}}
	errs := b.collector.HandleAll([]context.Context{t.Context(), t.Context(), t.Context()}, messages)
	if errs[0] != nil || errs[1] == nil || errors.Is(errs[1], errBad) || !errors.Is(errs[2], errBad) {
		t.Errorf("the errors are %v, want none, one of decoding, and %v", errs, errBad)
	}
	if !slices.Equal(b.handled()[0], []int{0, 1}) {
		t.Errorf("the first call had the items %v, want 0 and 1", b.handled()[0])
	}
}

// TestABatchThatWaitsForASlotTakesMoreMessages has one slot: while the first batch of two is handled,
// six messages come one second after the other.
func TestABatchThatWaitsForASlotTakesMoreMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now, most := 0, 0
		b := newBench(4, func(context.Context, []int) error {
			now++
			most = max(most, now)
			<-time.After(time.Minute)
			now--
			return nil
		})
		b.collector.Slots.Most = func() int { return 1 }
		for i := range 8 {
			go func() {
				if i > 1 {
					<-time.After(time.Duration(i) * time.Second)
				}
				b.handleOne(t, i, &message.Message{})
			}()
		}
		<-time.After(time.Hour)
		want := [][]int{{0, 1}, {2, 3, 4, 5}, {6, 7}}
		if !slices.EqualFunc(b.handled(), want, slices.Equal) || most != 1 {
			t.Errorf("the calls were %v and %d at a time, want %v and one", b.handled(), most, want)
		}
	})
}

func TestAMessageThatOverranItsTimeIsHandledAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, began := newBench(4, bad()), time.Now()
		for i, reason := range []string{message.ReasonTimeout, message.ReasonError, ""} {
			go b.handleOne(t, i, &message.Message{Attempt: 2, Headers: message.Headers{"warren-reason": reason}})
		}
		synctest.Wait()
		if len(b.handled()) != 1 || !slices.Equal(b.handled()[0], []int{0}) || time.Since(began) != 0 {
			t.Errorf("the calls were %v after %v, want one of the message that overran its time, at once", b.handled(), time.Since(began))
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if len(b.handled()) != 2 || !slices.Equal(b.handled()[1], []int{1, 2}) {
			t.Errorf("the calls were %v, want the others together", b.handled())
		}
	})
}

func (b *bench) handleOne(t *testing.T, i int, m *message.Message) {
	t.Helper()
	m.Body, m.ContentType = []byte(strconv.Itoa(i)), "application/json"
	if err := b.collector.Handle(t.Context(), m); err != nil {
		t.Errorf("message %d: %v", i, err)
	}
}
