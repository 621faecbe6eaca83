package batch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a collector with a function that handles its batches.
type bench struct {
	collector *batch.Collector
	mu        sync.Mutex
	calls     [][]int
}

// handled returns the items of each call.
func (b *bench) handled() [][]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

func newBench(size int, f func(ctx context.Context, items []int) error) *bench {
	b := &bench{}
	b.collector = &batch.Collector{
		Handler: handler.Batch(func(ctx context.Context, items []int) error {
			b.mu.Lock()
			b.calls = append(b.calls, slices.Sorted(slices.Values(items)))
			b.mu.Unlock()
			return f(ctx, items)
		}),
		Size: size, Wait: time.Second,
		Slots: &batch.Slots{Most: func() int { return size }},
		Last:  func(int) bool { return false },
		Call: func(f func() error) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = fmt.Errorf("panic: %v", v)
				}
			}()
			return f()
		},
		Begin: func(ctx context.Context, _ []context.Context) (context.Context, func(error)) {
			return ctx, func(error) {}
		},
	}
	return b
}

// handle handles the numbers from 0 to n-1 at the same time, and returns their errors.
func (b *bench) handle(n int, contexts ...context.Context) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		ctx := context.Background()
		if i < len(contexts) {
			ctx = contexts[i]
		}
		all.Go(func() {
			errs[i] = errors.New("ended")
			errs[i] = b.collector.Handle(ctx, &message.Message{Body: []byte(strconv.Itoa(i)), ContentType: "application/json"})
		})
	}
	all.Wait()
	return errs
}

var (
	errBad  = errors.New("bad item")
	errDown = errors.New("the database is down")
)

// bad fails each call that has one of the items.
func bad(numbers ...int) func(context.Context, []int) error {
	return func(_ context.Context, items []int) error {
		for _, i := range items {
			if slices.Contains(numbers, i) {
				return errBad
			}
		}
		return nil
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		size, n  int
		f        func(context.Context, []int) error
		calls    int // at most; the first has all that fit
		failures map[int]error
		took     time.Duration
	}{
		"a full batch is handled at once":                 {8, 8, bad(), 1, nil, 0},
		"a part of a batch waits":                         {8, 5, bad(), 1, nil, time.Second},
		"more than a batch":                               {4, 10, bad(), 3, nil, time.Second},
		"one bad item fails alone":                        {64, 64, bad(0), 14, map[int]error{0: errBad}, 0},
		"two bad items fail alone":                        {64, 64, bad(5, 50), 25, map[int]error{5: errBad, 50: errBad}, 0},
		"an error of an item is its own":                  {4, 4, byNumber(3), 1, map[int]error{3: errBad}, 0},
		"good items behind a run of bad ones are handled": {64, 64, bad(numbers(41)...), 2*64 - 1, failures(41, errBad), 0},
		"a cause of all costs few calls":                  {64, 64, func(context.Context, []int) error { return retry.Permanent(errDown) }, 10, failures(64, errDown), 0},
		"an error that names no item is none":             {4, 4, func(context.Context, []int) error { return handler.BatchError{} }, 1, nil, 0},
		"an index that does not exist fails the call":     {2, 2, func(context.Context, []int) error { return handler.BatchError{7: errBad} }, 1, failures(2, errors.New("batch: the error names item 7, want 0 to 1: handler: 1 items of a batch failed; item 7: bad item")), 0},
		"a panic is an error": {2, 2, func(_ context.Context, items []int) error {
			if slices.Contains(items, 1) {
				panic("oh")
			}
			return nil
		}, 3, map[int]error{1: errors.New("panic: oh")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, began := newBench(tt.size, tt.f), time.Now()
				errs := b.handle(tt.n)
				permanent := 0
				for i, err := range errs {
					want := tt.failures[i]
					if (err == nil) != (want == nil) || err != nil && !errors.Is(err, want) && !strings.Contains(err.Error(), want.Error()) {
						t.Errorf("item %d: error %v, want %v", i, err, want)
					}
					permanent += btoi(retry.IsPermanent(err))
				}
				if len(b.handled()) > tt.calls || time.Since(began) != tt.took {
					t.Errorf("%d calls in %v, want at most %d in %v: %v", len(b.handled()), time.Since(began), tt.calls, tt.took, b.handled())
				}
				if permanent > 4 {
					t.Errorf("%d items have a permanent error, want those that were called alone", permanent)
				}
				if len(b.handled()[0]) != min(tt.size, tt.n) {
					t.Errorf("the first call had %d items, want %d", len(b.handled()[0]), min(tt.size, tt.n))
				}
			})
		})
	}
}

// numbers returns the numbers from 0 to n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byNumber returns a BatchError for an item.
func byNumber(number int) func(context.Context, []int) error {
	return func(_ context.Context, items []int) error {
		return handler.BatchError{slices.Index(items, number): errBad}
	}
}

// failures returns err for each of the first n items.
func failures(n int, err error) map[int]error {
	errs := make(map[int]error)
	for i := range n {
		errs[i] = err
	}
	return errs
}

func TestABatchGoesWhenTheWorkerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		ctx := handler.WithStopping(t.Context(), stopping)
		time.AfterFunc(100*time.Millisecond, func() { close(stopping) })
		b, began := newBench(8, bad()), time.Now()
		if errs := b.handle(2, ctx, ctx); errs[0] != nil || errs[1] != nil || time.Since(began) != 100*time.Millisecond {
			t.Errorf("errors %v after %v, want none after 100ms", errs, time.Since(began))
		}
	})
}

func TestALostMessageDoesNotEndTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errLost := errors.New("lost")
		one, lose := context.WithCancelCause(t.Context())
		two, loseTwo := context.WithCancelCause(t.Context())
		gone, loseGone := context.WithCancelCause(t.Context())
		loseGone(errLost)
		b := newBench(3, func(ctx context.Context, items []int) error {
			lose(errLost)
			synctest.Wait()
			if ctx.Err() != nil {
				t.Errorf("the context ended with one of %v: %v", items, context.Cause(ctx))
			}
			loseTwo(errLost)
			<-ctx.Done()
			return context.Cause(ctx)
		})
		errs := b.handle(3, one, two, gone)
		if len(b.handled()) != 1 || len(b.handled()[0]) != 2 {
			t.Errorf("the calls were %v, want one without the message that was lost before", b.handled())
		}
		for i, err := range errs {
			if !errors.Is(err, errLost) {
				t.Errorf("item %d: error %v, want %v", i, err, errLost)
			}
		}
	})
}

func TestTheEarliestDeadlineEndsABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		early, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b, began := newBench(2, func(ctx context.Context, _ []int) error {
			<-ctx.Done()
			return ctx.Err()
		}), time.Now()
		errs := b.handle(2, early, t.Context())
		if !errors.Is(errs[0], context.DeadlineExceeded) || !errors.Is(errs[1], context.DeadlineExceeded) || time.Since(began) != time.Minute || len(b.handled()) != 1 {
			t.Errorf("errors %v after %v and %d calls, want the deadline after 1m and one call", errs, time.Since(began), len(b.handled()))
		}
	})
}

func TestAHandlerThatEndsItsGoroutineEndsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(2, func(context.Context, []int) error {
			runtime.Goexit()
			return nil
		})
		for i, err := range b.handle(2) {
			if err == nil {
				t.Errorf("item %d has no error", i)
			}
		}
	})
}

func TestABodyThatCannotBeDecodedIsNotInABatch(t *testing.T) {
	t.Parallel()
	b := newBench(1, bad())
	err := b.collector.Handle(t.Context(), &message.Message{Body: []byte("{"), ContentType: "application/json"})
	if _, ok := errors.AsType[*handler.DecodeError](err); !ok || len(b.handled()) != 0 {
		t.Errorf("error %v and calls %v, want a decode error and no call", err, b.handled())
	}
	if text := (handler.BatchError{2: errBad, 1: errDown}).Error(); !strings.Contains(text, "2 items") || !strings.Contains(text, "item 1: the database") {
		t.Errorf("a BatchError says %q", text)
	}
}
