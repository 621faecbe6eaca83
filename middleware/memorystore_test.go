package middleware_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/middleware"
)

// script is a store with what is done to it, checked step by step.
type script struct {
	t *testing.T
	*middleware.MemoryStore
}

func (s script) claims(key string, want middleware.Claim) {
	s.t.Helper()
	if got, err := s.Claim(s.t.Context(), key, time.Minute); got != want || err != nil {
		s.t.Errorf("claim of %s: %v, %v, want %v", key, got, err, want)
	}
}

func (s script) completes(key string) {
	s.t.Helper()
	if err := s.Complete(s.t.Context(), key); err != nil {
		s.t.Error(err)
	}
}

func (s script) releases(key string) {
	s.t.Helper()
	if err := s.Release(s.t.Context(), key); err != nil {
		s.t.Error(err)
	}
}

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		run  func(s script)
	}{
		{"a claim keeps others out until it is released", func(s script) {
			s.claims("a", middleware.Won)
			s.claims("a", middleware.Busy)
			s.claims("b", middleware.Won)
			s.releases("a")
			s.claims("a", middleware.Won)
		}},
		{"a claim ends with its lease", func(s script) {
			s.claims("a", middleware.Won)
			time.Sleep(time.Minute - 1)
			s.claims("a", middleware.Busy)
			time.Sleep(time.Nanosecond)
			s.claims("a", middleware.Won)
		}},
		{"what is completed is done until its time is over", func(s script) {
			s.claims("a", middleware.Won)
			s.completes("a")
			time.Sleep(time.Hour - 1)
			s.claims("a", middleware.Done)
			time.Sleep(time.Nanosecond)
			s.claims("a", middleware.Won)
		}},
		{"what is completed cannot be released", func(s script) {
			s.completes("a")
			s.releases("a")
			s.claims("a", middleware.Done)
		}},
		{"completing again begins its time again", func(s script) {
			s.completes("a")
			time.Sleep(time.Hour / 2)
			s.completes("a")
			time.Sleep(time.Hour / 2)
			s.claims("a", middleware.Done)
		}},
		{"beyond the limit the oldest is forgotten", func(s script) {
			for _, key := range []string{"a", "b", "c", "d"} {
				s.completes(key)
			}
			s.claims("a", middleware.Won)
			s.claims("b", middleware.Done)
			s.claims("d", middleware.Done)
		}},
		{"claims beyond the limit wait, and ended ones make room", func(s script) {
			for _, key := range []string{"a", "b", "c"} {
				s.claims(key, middleware.Won)
			}
			s.claims("d", middleware.Busy)
			time.Sleep(time.Minute)
			s.claims("d", middleware.Won)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.run(script{t, middleware.NewMemoryStore(time.Hour, 3)})
			})
		})
	}
}

func TestMemoryStoreLetsOneOfManyWin(t *testing.T) {
	t.Parallel()
	store := memory()
	var won atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if claim, err := store.Claim(t.Context(), "a", time.Minute); err == nil && claim == middleware.Won {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claims won, want 1", won.Load())
	}
}

func TestMemoryStoreWantsRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ttl   time.Duration
		limit int
	}{{0, 1}, {1, 0}, {-1, -1}} {
		func() {
			defer func() {
				want := fmt.Sprintf("middleware: NewMemoryStore got ttl %v and limit %d, want more than 0", tt.ttl, tt.limit)
				if got := recover(); got != want {
					t.Errorf("recovered %v, want %s", got, want)
				}
			}()
			middleware.NewMemoryStore(tt.ttl, tt.limit)
		}()
	}
}

// FuzzMemoryStore does what the bytes say to a store and to a plain model of it.
func FuzzMemoryStore(f *testing.F) {
	f.Add([]byte("\x00\x04\x00\x08\x00\x0c\xff"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		store := middleware.NewMemoryStore(time.Hour, 1000)
		ctx, model := context.Background(), map[byte]middleware.Claim{}
		for _, b := range steps {
			key := b >> 2
			name := string(rune(key))
			switch b & 3 {
			case 0, 1:
				want := model[key]
				if want == 0 {
					want, model[key] = middleware.Won, middleware.Busy
				}
				if got, err := store.Claim(ctx, name, time.Hour); got != want || err != nil {
					t.Fatalf("claim of %s: %v, %v, want %v", name, got, err, want)
				}
			case 2:
				model[key] = middleware.Done
				_ = store.Complete(ctx, name)
			case 3:
				if model[key] == middleware.Busy {
					delete(model, key)
				}
				_ = store.Release(ctx, name)
			}
		}
	})
}
