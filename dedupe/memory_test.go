package dedupe_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
)

// script is a store with what is done to it, checked step by step.
type script struct {
	t *testing.T
	*dedupe.Memory

	tokens map[string]dedupe.Token // of the claims won last
}

func (s script) claims(key string, want dedupe.Claim) {
	s.t.Helper()
	got, token, err := s.Claim(s.t.Context(), key, time.Minute)
	if got != want || err != nil {
		s.t.Errorf("claim of %s: %v, %v, want %v", key, got, err, want)
	}
	if got == dedupe.Won {
		s.tokens[key] = token
	}
}

func (s script) completes(key string) {
	s.t.Helper()
	if err := s.Complete(s.t.Context(), key, s.tokens[key]); err != nil {
		s.t.Error(err)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		run  func(s script)
	}{
		{"a claim ends with its lease", func(s script) {
			s.claims("a", dedupe.Won)
			time.Sleep(time.Minute - 1)
			s.claims("a", dedupe.Busy)
			time.Sleep(time.Nanosecond)
			s.claims("a", dedupe.Won)
		}},
		{"what is completed is done until its time is over", func(s script) {
			s.claims("a", dedupe.Won)
			s.completes("a")
			time.Sleep(time.Hour - 1)
			s.claims("a", dedupe.Done)
			time.Sleep(time.Nanosecond)
			s.claims("a", dedupe.Won)
		}},
		{"completing again begins its time again", func(s script) {
			s.completes("a")
			time.Sleep(time.Hour / 2)
			s.completes("a")
			time.Sleep(time.Hour / 2)
			s.claims("a", dedupe.Done)
		}},
		{"beyond the limit the oldest is forgotten", func(s script) {
			for _, key := range []string{"a", "b", "c", "d"} {
				s.completes(key)
			}
			s.claims("a", dedupe.Won)
			s.claims("b", dedupe.Done)
			s.claims("d", dedupe.Done)
		}},
		{"claims beyond the limit wait, and ended ones make room", func(s script) {
			for _, key := range []string{"a", "b", "c"} {
				s.claims(key, dedupe.Won)
			}
			s.claims("d", dedupe.Busy)
			time.Sleep(time.Minute)
			s.claims("d", dedupe.Won)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tt.run(script{t, dedupe.NewMemory(time.Hour, 3), make(map[string]dedupe.Token)})
			})
		})
	}
}

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	dedupetest.Run(t, func(*testing.T) (one, other dedupe.Store) {
		s := dedupe.NewMemory(time.Hour, 100)
		return s, s
	})
}

func TestMemoryWantsRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ttl   time.Duration
		limit int
	}{{0, 1}, {1, 0}, {-1, -1}} {
		func() {
			defer func() {
				want := fmt.Sprintf("dedupe: NewMemory got ttl %v and limit %d, want more than 0", tt.ttl, tt.limit)
				if got := recover(); got != want {
					t.Errorf("recovered %v, want %s", got, want)
				}
			}()
			dedupe.NewMemory(tt.ttl, tt.limit)
		}()
	}
}

// FuzzMemory does what the bytes say to a store and to a plain model of it: with the
// token of the claim won last, or with the token of an earlier one.
func FuzzMemory(f *testing.F) {
	f.Add([]byte("\x00\x04\x00\x08\x00\x0c\xff"))
	f.Add([]byte("\x00\x03\x00\x06\x02\x00"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		store := dedupe.NewMemory(time.Hour, 1000)
		ctx, model := context.Background(), map[byte]*keyModel{}
		for _, b := range steps {
			k := model[b>>3]
			if k == nil {
				k = &keyModel{name: string(rune(b >> 3))}
				model[b>>3] = k
			}
			switch b & 7 {
			case 0, 1:
				want := k.claim()
				got, token, err := store.Claim(ctx, k.name, time.Hour)
				if got != want || err != nil {
					t.Fatalf("claim of %q: %v, %v, want %v", k.name, got, err, want)
				}
				if got == dedupe.Won {
					k.tokens = append(k.tokens, token)
				}
			case 2, 3:
				token, late := k.token(b&1 == 1)
				lost := k.held && late
				if !lost {
					k.held, k.done = false, true
				}
				if err := store.Complete(ctx, k.name, token); errors.Is(err, dedupe.ErrClaimLost) != lost {
					t.Fatalf("complete of %q returned %v, want that the claim is lost: %v", k.name, err, lost)
				}
			default:
				token, late := k.token(b&1 == 1)
				k.held = k.held && late
				_ = store.Release(ctx, k.name, token)
			}
		}
	})
}

// keyModel is what a store should know of a key whose leases do not end.
type keyModel struct {
	name       string
	held, done bool
	tokens     []dedupe.Token
}

func (k *keyModel) claim() dedupe.Claim {
	switch {
	case k.done:
		return dedupe.Done
	case k.held:
		return dedupe.Busy
	}
	k.held = true
	return dedupe.Won
}

// token returns the token of the last claim, or of an earlier one, and whether it is too late
// for a claim that is held.
func (k *keyModel) token(earlier bool) (token dedupe.Token, late bool) {
	switch n := len(k.tokens); {
	case n == 0:
		return "none", true
	case earlier && n > 1:
		return k.tokens[n-2], true
	default:
		return k.tokens[n-1], false
	}
}
