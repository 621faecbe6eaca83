package adaptive_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
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

// load handles messages by 16 goroutines for d.
func load(ctx context.Context, h handler.Handler, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for ctx.Err() == nil {
				_ = h.Handle(ctx, &message.Message{}) // an error is the end of ctx
			}
		})
	}
	all.Wait()
}

// TestTheLimitFollowsTheService has a service that is fast for a minute, slow for 25 s, and fast again.
func TestTheLimitFollowsTheService(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]*service{
		"that answers later the more calls it has": {capacity: 1, answer: 10 * time.Millisecond},
		"that answers ten times later":             {capacity: 1000, answer: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, l := &service{}, adaptive.New(2, 16)
				h := l.Middleware(s)
				fast := &service{capacity: 1000, answer: 10 * time.Millisecond}
				var limits []int
				for _, phase := range []struct {
					service *service
					lasts   time.Duration
				}{{fast, time.Minute}, {slow, 25 * time.Second}, {fast, time.Minute}} {
					s.capacity, s.answer = phase.service.capacity, phase.service.answer
					load(t.Context(), h, phase.lasts)
					limits = append(limits, l.Limit())
				}
				t.Logf("limits %v", limits)
				if limits[0] < 12 || limits[1] > 10 || limits[2] < 12 {
					t.Errorf("the limits were %v, want about 16, 10 or less, and about 16", limits)
				}
			})
		})
	}
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

func TestLimitsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, limits := range [][2]int{{0, 4}, {5, 4}, {-1, -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%d, %d) returned, want a panic", limits[0], limits[1])
				}
			}()
			adaptive.New(limits[0], limits[1])
		}()
	}
}
