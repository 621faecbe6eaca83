package adaptive_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/middleware/adaptive"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers in time while it has no more calls than its capacity, and in proportion to its
// calls above it.
type service struct {
	capacity    int64
	answer      time.Duration
	calls, most atomic.Int64
}

func (s *service) Handle(context.Context, *message.Message) error {
	n := s.calls.Add(1)
	defer s.calls.Add(-1)
	s.most.Store(max(s.most.Load(), n))
	time.Sleep(s.answer * time.Duration(max(n, s.capacity)) / time.Duration(s.capacity))
	return nil
}

// load handles messages by 32 goroutines for d.
func load(ctx context.Context, h handler.Handler, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for ctx.Err() == nil {
				_ = h.Handle(ctx, &message.Message{}) // an error is the end of ctx
			}
		})
	}
	all.Wait()
}

// phase is a time in which the service has a capacity and answers in a time.
type phase struct {
	capacity int64
	answer   time.Duration
	lasts    time.Duration
}

// run puts l under load in each phase, and returns the limits at their ends.
func run(ctx context.Context, l *adaptive.Limiter, phases ...phase) (limits []int) {
	s := &service{}
	h := l.Middleware(s)
	for _, p := range phases {
		s.capacity, s.answer = p.capacity, p.answer
		load(ctx, h, p.lasts)
		limits = append(limits, l.Limit())
	}
	return limits
}

// fast is a service that is not the bottleneck.
func fast(lasts time.Duration) phase { return phase{1000, 10 * time.Millisecond, lasts} }

// TestTheLimitFollowsTheService has a service that is fast for 5 s, slow for 10 s, and fast again for 10 s.
func TestTheLimitFollowsTheService(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]phase{
		"that answers later the more calls it has": {1, 10 * time.Millisecond, 10 * time.Second},
		"that answers ten times later":             {1000, 100 * time.Millisecond, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				limits := run(t.Context(), adaptive.New(2, 16), fast(5*time.Second), slow, fast(10*time.Second))
				t.Logf("limits %v", limits)
				if limits[0] != 16 || limits[1] > 8 || limits[2] != 16 {
					t.Errorf("the limits were %v, want 16, 8 or less, and 16", limits)
				}
			})
		})
	}
}

// TestOptionsChangeThePace compares the limit with the default's at the same time.
func TestOptionsChangeThePace(t *testing.T) {
	t.Parallel()
	slow := phase{1000, 100 * time.Millisecond, 15 * time.Second}
	for name, tt := range map[string]struct {
		option adaptive.Option
		phases []phase
	}{
		"a shorter window raises the limit sooner":             {adaptive.WithWindow(20*time.Millisecond, 10), []phase{fast(500 * time.Millisecond)}},
		"a shorter history takes a slow service for the usual": {adaptive.WithHistory(20), []phase{fast(5 * time.Second), slow}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				usual, changed := run(t.Context(), adaptive.New(2, 16), tt.phases...), run(t.Context(), adaptive.New(2, 16, tt.option), tt.phases...)
				t.Logf("limits %v by default, and %v", usual, changed)
				last := len(usual) - 1
				if usual[last] > 8 || changed[last] < 12 {
					t.Errorf("the limit is %d by default and %d with the option, want 8 at most and 12 at least", usual[last], changed[last])
				}
			})
		})
	}
}

// TestAServiceThatHangsGetsTheLeast sets the limit back after the first 16 timeouts.
func TestAServiceThatHangsGetsTheLeast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := adaptive.New(2, 16)
		run(t.Context(), l, fast(5*time.Second))
		before := l.Limit()
		load(t.Context(), l.Middleware(handler.Func(func(ctx context.Context, _ *message.Message) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		})), 3*time.Second)
		if before != 16 || l.Limit() != 2 {
			t.Errorf("the limit has gone from %d to %d, want from 16 to 2", before, l.Limit())
		}
	})
}

// hang ends with ctx, after 30 s at most.
func hang(ctx context.Context, _ *message.Message) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

// hangFirst returns a handler that hangs for the first n messages. The others fail at once.
func hangFirst(n int64) handler.Func {
	var calls atomic.Int64
	return func(ctx context.Context, m *message.Message) error {
		if calls.Add(1) <= n {
			return hang(ctx, m)
		}
		return errors.New("the service is down")
	}
}

// TestTimeoutsBeforeARestartAreNotRecorded has an outage, and then a service that answers later the more calls
// it has. Compared with the timeouts its times would be short, and the limit would rise to 30.
func TestTimeoutsBeforeARestartAreNotRecorded(t *testing.T) {
	t.Parallel()
	breaker := middleware.Breaker(gobreaker.Settings{Timeout: 5 * time.Minute})
	for name, outage := range map[string]struct {
		handler.Handler

		lasts time.Duration
	}{
		"when all messages run out of time":                             {handler.Func(hang), 2 * time.Minute},
		"when a breaker has opened while a few messages were in flight": {breaker(hangFirst(4)), 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := adaptive.New(5, 30)
				run(t.Context(), l, fast(5*time.Second))
				load(t.Context(), l.Middleware(outage), outage.lasts)
				limits := run(t.Context(), l, phase{1, 10 * time.Millisecond, 10 * time.Second})
				if limits[0] > 15 {
					t.Errorf("10 s after the outage the limit is %d, want 15 at most", limits[0])
				}
			})
		})
	}
}

// TestABreakerWithinTheLimit opens at the sixth failure. Two probes fail, and the third succeeds. No other
// message of the 32 is handled meanwhile. Another limit around the first one goes back too.
func TestABreakerWithinTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, outer := adaptive.New(2, 16), adaptive.New(3, 16)
		run(t.Context(), l, fast(5*time.Second))
		run(t.Context(), outer, fast(5*time.Second))
		var down atomic.Bool
		var calls, state atomic.Int64 // the state of the breaker
		down.Store(true)
		breaker := middleware.Breaker(gobreaker.Settings{Timeout: 5 * time.Second, OnStateChange: func(_ string, _, to gobreaker.State) { state.Store(int64(to)) }})
		h := outer.Middleware(l.Middleware(breaker(handler.Func(func(context.Context, *message.Message) error {
			calls.Add(1)
			time.Sleep(10 * time.Millisecond)
			if down.Load() {
				return errors.New("the service is down")
			}
			return nil
		}))))
		time.AfterFunc(12*time.Second, func() {
			if l.Limit() != 2 || outer.Limit() != 3 || calls.Load() > 16+5+2 || gobreaker.State(state.Load()) != gobreaker.StateOpen {
				t.Errorf("after two probes the limits are %d and %d, %d calls were made and the breaker is %s, want 2, 3, 23 at most and open",
					l.Limit(), outer.Limit(), calls.Load(), gobreaker.State(state.Load()))
			}
			down.Store(false)
		})
		load(t.Context(), h, 25*time.Second)
		if l.Limit() < 12 || gobreaker.State(state.Load()) != gobreaker.StateClosed {
			t.Errorf("10 s after the service was back the limit is %d and the breaker is %s, want about 16 and closed", l.Limit(), gobreaker.State(state.Load()))
		}
	})
}

func TestTheLimitIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{capacity: 1000, answer: 10 * time.Millisecond}
		load(t.Context(), adaptive.New(2, 5).Middleware(s), 20*time.Second)
		if n := s.most.Load(); n > 5 {
			t.Errorf("%d messages were handled at a time, want 5 at most", n)
		}
	})
}

// TestHowAWaitEnds has one message in the only place, and another one that waits.
func TestHowAWaitEnds(t *testing.T) {
	t.Parallel()
	errGone := errors.New("gone")
	for name, tt := range map[string]struct {
		end  func(stop func(), cancel context.CancelCauseFunc, leave func())
		want error
	}{
		"when the message before is handled": {func(_ func(), _ context.CancelCauseFunc, leave func()) { leave() }, nil},
		"when the worker stops":              {func(stop func(), _ context.CancelCauseFunc, _ func()) { stop() }, handler.ErrStopping},
		"when the context is done":           {func(_ func(), cancel context.CancelCauseFunc, _ func()) { cancel(errGone) }, errGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release, stopping := make(chan struct{}), make(chan struct{})
				h := adaptive.New(1, 1).Middleware(handler.Func(func(context.Context, *message.Message) error { <-release; return nil }))
				leave := sync.OnceFunc(func() { close(release) })
				defer leave()
				go func() { _ = h.Handle(t.Context(), &message.Message{}) }() // ends with leave
				synctest.Wait()
				ctx, cancel := context.WithCancelCause(handler.WithStopping(t.Context(), stopping))
				defer cancel(nil)
				result := make(chan error, 1)
				go func() { result <- h.Handle(ctx, &message.Message{}) }()
				synctest.Wait()
				if len(result) > 0 {
					t.Fatal("the second message did not wait")
				}
				tt.end(func() { close(stopping) }, cancel, leave)
				if err := <-result; !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("the wait ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestAPanicGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	h := adaptive.New(1, 1).Middleware(handler.Func(func(context.Context, *message.Message) error { panic("oh") }))
	for range 3 {
		func() {
			defer func() { _ = recover() }()
			_ = h.Handle(t.Context(), &message.Message{}) // panics
		}()
	}
}

// TestFastFailuresDoNotRaiseTheLimit has a service that refuses at once, after it was slow.
func TestFastFailuresDoNotRaiseTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := adaptive.New(2, 16)
		load(t.Context(), l.Middleware(handler.Func(func(context.Context, *message.Message) error {
			time.Sleep(time.Millisecond)
			return errors.New("refused")
		})), 10*time.Second)
		if l.Limit() != 2 {
			t.Errorf("the limit is %d, want 2", l.Limit())
		}
	})
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(){
		"a least of 0":               func() { adaptive.New(0, 4) },
		"a least above the most":     func() { adaptive.New(5, 4) },
		"negative limits":            func() { adaptive.New(-1, -1) },
		"a window of 0 s":            func() { adaptive.WithWindow(0, 20) },
		"a window without messages":  func() { adaptive.WithWindow(time.Second, 0) },
		"a history without a window": func() { adaptive.WithHistory(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted, want a panic", name)
				}
			}()
			set()
		}()
	}
}
