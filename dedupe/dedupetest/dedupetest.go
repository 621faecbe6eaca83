// Package dedupetest tests that a middleware.Store keeps its contract.
package dedupetest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/dedupe"
)

// Open returns a store as two processes see it. A store in the memory of one process is
// returned twice. The store may be the same for all parts of the contract: their keys
// differ. Open closes what it opened with t.Cleanup.
type Open func(t *testing.T) (one, other dedupe.Store)

// Run tests the stores that open returns, one for each part of the contract.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, tt := range slices.Concat(claiming(), completing(), comingLate()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			tt.run(process{t, one, t.Name()}, process{t, other, t.Name()})
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

// claiming is who may handle a message.
func claiming() []part {
	return []part{
		{"a claim keeps others out until it is released", func(one, other process) {
			token := one.wins(time.Hour)
			other.isTold(dedupe.Busy)
			one.isTold(dedupe.Busy)
			one.releases(token)
			other.wins(time.Hour)
		}},
		{"a claim of one key says nothing about another", func(one, other process) {
			one.wins(time.Hour)
			other.on("b").wins(time.Hour)
		}},
		{"a claim ends with its lease", func(one, other process) {
			one.wins(0)
			other.wins(time.Hour)
			one.isTold(dedupe.Busy)
		}},
		{"every claim has a token of its own", func(one, other process) {
			first := one.wins(0)
			if second := other.wins(time.Hour); first == second {
				one.t.Errorf("both claims have the token %q", first)
			}
		}},
	}
}

// completing is the end of a claim.
func completing() []part {
	return []part{
		{"what is completed is done for all", func(one, other process) {
			one.completes(one.wins(time.Hour))
			one.isTold(dedupe.Done)
			other.isTold(dedupe.Done)
		}},
		{"what is completed cannot be released", func(one, other process) {
			token := one.wins(time.Hour)
			one.completes(token)
			one.releases(token)
			other.isTold(dedupe.Done)
		}},
		{"to complete twice is no error", func(one, other process) {
			token := one.wins(time.Hour)
			one.completes(token)
			one.completes(token)
			other.isTold(dedupe.Done)
		}},
	}
}

// comingLate is what a caller may still do once its lease has ended.
func comingLate() []part {
	return []part{
		{"a late release does not free another's claim", func(one, other process) {
			late := one.wins(0)
			other.wins(time.Hour)
			one.releases(late)
			one.isTold(dedupe.Busy)
		}},
		{"a late complete does not finish another's claim", func(one, other process) {
			late := one.wins(0)
			token := other.wins(time.Hour)
			one.loses(late)
			one.isTold(dedupe.Busy)
			other.releases(token)
			one.wins(time.Hour)
		}},
		{"who has the claim completes it, whatever came late", func(one, other process) {
			late := one.wins(0)
			token := other.wins(time.Hour)
			one.releases(late)
			one.loses(late)
			other.completes(token)
			one.isTold(dedupe.Done)
			one.completes(late) // it was handled: no error
			one.isTold(dedupe.Done)
		}},
		{"a late complete counts if no other process has claimed the key since", func(one, other process) {
			one.completes(one.wins(0))
			other.isTold(dedupe.Done)
		}},
		{"a complete without a claim counts", func(one, other process) {
			token := one.wins(time.Hour)
			one.releases(token)
			one.completes(token)
			other.isTold(dedupe.Done)
		}},
	}
}

// process is a store as one process uses it for a key, which no other part uses.
type process struct {
	t     *testing.T
	store dedupe.Store
	key   string
}

// on returns p for another key.
func (p process) on(key string) process {
	p.key += "/" + key
	return p
}

func (p process) claim(lease time.Duration, want dedupe.Claim) dedupe.Token {
	p.t.Helper()
	got, token, err := p.store.Claim(p.t.Context(), p.key, lease)
	if got != want || err != nil {
		p.t.Fatalf("Claim(%q, %v) returned %v, %v; want %v", p.key, lease, got, err, want)
	}
	if (token != "") != (want == dedupe.Won) {
		p.t.Errorf("Claim(%q, %v) returned %v with the token %q", p.key, lease, got, token)
	}
	return token
}

func (p process) wins(lease time.Duration) dedupe.Token {
	p.t.Helper()
	return p.claim(lease, dedupe.Won)
}

func (p process) isTold(want dedupe.Claim) {
	p.t.Helper()
	p.claim(time.Hour, want)
}

func (p process) completes(token dedupe.Token) {
	p.t.Helper()
	if err := p.store.Complete(p.t.Context(), p.key, token); err != nil {
		p.t.Errorf("Complete(%q, %q) returned %v, want nil", p.key, token, err)
	}
}

func (p process) loses(token dedupe.Token) {
	p.t.Helper()
	if err := p.store.Complete(p.t.Context(), p.key, token); !errors.Is(err, dedupe.ErrClaimLost) {
		p.t.Errorf("Complete(%q, %q) returned %v, want ErrClaimLost", p.key, token, err)
	}
}

func (p process) releases(token dedupe.Token) {
	p.t.Helper()
	if err := p.store.Release(p.t.Context(), p.key, token); err != nil {
		p.t.Errorf("Release(%q, %q) returned %v, want nil", p.key, token, err)
	}
}

func oneOfMany(t *testing.T, stores ...dedupe.Store) {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			claim, _, err := stores[i%len(stores)].Claim(t.Context(), t.Name(), time.Hour)
			switch {
			case err != nil || claim == dedupe.Done:
				t.Errorf("Claim returned %v, %v; want Won or Busy", claim, err)
			case claim == dedupe.Won:
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claims were won, want 1", won.Load())
	}
}
