// Package dedupetest tests that a middleware.Store keeps its contract.
package dedupetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/middleware"
)

// Open returns a store as two processes see it. A store in the memory of one process is
// returned twice. The store may be the same for all parts of the contract: their keys
// differ. Open closes what it opened with t.Cleanup.
type Open func(t *testing.T) (one, other middleware.Store)

// Run tests the stores that open returns, one for each part of the contract.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, tt := range contract() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			tt.run(process{t, one}, process{t, other})
		})
	}
	t.Run("of many claims at once one is won", func(t *testing.T) {
		t.Parallel()
		one, other := open(t)
		oneOfMany(t, one, other)
	})
}

type part struct {
	name string
	run  func(one, other process)
}

func contract() []part {
	return []part{
		{"a claim keeps others out until it is released", func(one, other process) {
			token := one.wins("a", time.Hour)
			other.isTold("a", middleware.Busy)
			one.isTold("a", middleware.Busy)
			one.releases("a", token)
			other.wins("a", time.Hour)
		}},
		{"a claim of one key says nothing about another", func(one, other process) {
			one.wins("a", time.Hour)
			other.wins("b", time.Hour)
		}},
		{"a claim ends with its lease", func(one, other process) {
			one.wins("a", 0)
			other.wins("a", time.Hour)
			one.isTold("a", middleware.Busy)
		}},
		{"every claim has a token of its own", func(one, other process) {
			first := one.wins("a", 0)
			if second := other.wins("a", time.Hour); first == second {
				one.t.Errorf("both claims have the token %q", first)
			}
		}},
		{"what is completed is done for all", func(one, other process) {
			one.completes("a", one.wins("a", time.Hour))
			one.isTold("a", middleware.Done)
			other.isTold("a", middleware.Done)
		}},
		{"what is completed cannot be released", func(one, other process) {
			token := one.wins("a", time.Hour)
			one.completes("a", token)
			one.releases("a", token)
			other.isTold("a", middleware.Done)
		}},
		{"to complete twice is no error", func(one, other process) {
			token := one.wins("a", time.Hour)
			one.completes("a", token)
			one.completes("a", token)
			other.isTold("a", middleware.Done)
		}},
		{"a late release does not free another's claim", func(one, other process) {
			late := one.wins("a", 0)
			other.wins("a", time.Hour)
			one.releases("a", late)
			one.isTold("a", middleware.Busy)
		}},
		{"a late complete does not finish another's claim", func(one, other process) {
			late := one.wins("a", 0)
			token := other.wins("a", time.Hour)
			one.loses("a", late)
			one.isTold("a", middleware.Busy)
			other.releases("a", token)
			one.wins("a", time.Hour)
		}},
		{"who has the claim completes it, whatever came late", func(one, other process) {
			late := one.wins("a", 0)
			token := other.wins("a", time.Hour)
			one.releases("a", late)
			one.loses("a", late)
			other.completes("a", token)
			one.isTold("a", middleware.Done)
			one.completes("a", late) // it was handled: no error
			one.isTold("a", middleware.Done)
		}},
		{"a late complete counts if nobody has claimed the key since", func(one, other process) {
			one.completes("a", one.wins("a", 0))
			other.isTold("a", middleware.Done)
		}},
		{"a complete without a claim counts", func(one, other process) {
			token := one.wins("a", time.Hour)
			one.releases("a", token)
			one.completes("a", token)
			other.isTold("a", middleware.Done)
		}},
	}
}

// process is a store as one process uses it.
type process struct {
	t     *testing.T
	store middleware.Store
}

// own returns key as no other part uses it.
func (p process) own(key string) string { return p.t.Name() + "/" + key }

func (p process) claim(key string, lease time.Duration, want middleware.Claim) middleware.Token {
	p.t.Helper()
	got, token, err := p.store.Claim(p.t.Context(), p.own(key), lease)
	if got != want || err != nil {
		p.t.Fatalf("Claim(%q, %v) returned %v, %v; want %v", key, lease, got, err, want)
	}
	if (token != "") != (want == middleware.Won) {
		p.t.Errorf("Claim(%q, %v) returned %v with the token %q", key, lease, got, token)
	}
	return token
}

func (p process) wins(key string, lease time.Duration) middleware.Token {
	p.t.Helper()
	return p.claim(key, lease, middleware.Won)
}

func (p process) isTold(key string, want middleware.Claim) {
	p.t.Helper()
	p.claim(key, time.Hour, want)
}

func (p process) completes(key string, token middleware.Token) {
	p.t.Helper()
	if err := p.store.Complete(p.t.Context(), p.own(key), token); err != nil {
		p.t.Errorf("Complete(%q, %q) returned %v, want nil", key, token, err)
	}
}

func (p process) loses(key string, token middleware.Token) {
	p.t.Helper()
	if err := p.store.Complete(p.t.Context(), p.own(key), token); !errors.Is(err, middleware.ErrClaimLost) {
		p.t.Errorf("Complete(%q, %q) returned %v, want ErrClaimLost", key, token, err)
	}
}

func (p process) releases(key string, token middleware.Token) {
	p.t.Helper()
	if err := p.store.Release(p.t.Context(), p.own(key), token); err != nil {
		p.t.Errorf("Release(%q, %q) returned %v, want nil", key, token, err)
	}
}

func oneOfMany(t *testing.T, stores ...middleware.Store) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			claim, _, err := stores[i%len(stores)].Claim(t.Context(), t.Name(), time.Hour)
			switch {
			case err != nil || claim == middleware.Done:
				t.Errorf("Claim returned %v, %v; want Won or Busy", claim, err)
			case claim == middleware.Won:
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claims were won, want 1", won.Load())
	}
}
