package dedupe_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/database/databasetest"
	"github.com/warren-mq/warren/examples/signup/internal/dedupe"
	"github.com/warren-mq/warren/middleware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, where string) *dedupe.Store {
	t.Helper()
	s, err := dedupe.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// claims asks for the key, and wants that answer.
func claims(t *testing.T, s *dedupe.Store, key string, lease time.Duration, want middleware.Claim) {
	t.Helper()
	if got, err := s.Claim(t.Context(), key, lease); got != want || err != nil {
		t.Errorf("claim of %s: %v, %v; want %v", key, got, err, want)
	}
}

func TestAKeyIsClaimedByOneAndHandledOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		s, other := open(t, where), open(t, where) // two processes
		claims(t, s, "q/1", time.Hour, middleware.Won)
		claims(t, other, "q/1", time.Hour, middleware.Busy)
		if err := s.Release(t.Context(), "q/1"); err != nil {
			t.Error(err)
		}
		claims(t, other, "q/1", time.Hour, middleware.Won)
		if err := other.Complete(t.Context(), "q/1"); err != nil {
			t.Error(err)
		}
		if err := s.Release(t.Context(), "q/1"); err != nil {
			t.Error(err)
		}
		claims(t, s, "q/1", time.Hour, middleware.Done)
		claims(t, s, "q/2", 0, middleware.Won)
		claims(t, other, "q/2", time.Hour, middleware.Won) // the lease has ended
		if n, err := s.Forget(t.Context(), time.Hour); n != 0 || err != nil {
			t.Errorf("%d forgotten, %v; want none", n, err)
		}
		if n, err := s.Forget(t.Context(), -time.Hour); n != 1 || err != nil {
			t.Errorf("%d forgotten, %v; want 1", n, err)
		}
		claims(t, s, "q/1", time.Hour, middleware.Won)
	})
}

func TestOfManyClaimsAtOnceOneIsWon(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, where string) {
		stores := []*dedupe.Store{open(t, where), open(t, where)}
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				claim, err := stores[i%2].Claim(t.Context(), "q/1", time.Hour)
				switch {
				case err != nil || claim == middleware.Done:
					t.Errorf("got %v, %v; want Won or Busy", claim, err)
				case claim == middleware.Won:
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d won, want 1", won.Load())
		}
	})
}
