// Package claimtest tests that a claim.Store keeps its contract.
package claimtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/warren-mq/warren/codec/claim"
)

// Open returns a store as two processes see it. The store may be the same for all parts of the
// contract: their keys differ. Open closes what it opened with t.Cleanup.
type Open func(t *testing.T) (one, other claim.Store)

// Run tests the stores that open returns, one for each part of the contract.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, one, other claim.Store)
	}{
		{"another process gets what one has put", func(t *testing.T, one, other claim.Store) {
			gets(t, other, put(t, one, []byte("\x00\xffbody")), []byte("\x00\xffbody"))
		}},
		{"a body may be empty", func(t *testing.T, one, other claim.Store) {
			gets(t, other, put(t, one, nil), nil)
		}},
		{"a body of a mebibyte keeps every byte", func(t *testing.T, one, other claim.Store) {
			body := make([]byte, 1<<20)
			_, _ = rand.Read(body) // it never returns an error
			gets(t, other, put(t, one, body), body)
		}},
		{"a body larger than the limit is an error, and not a missing body", func(t *testing.T, one, other claim.Store) {
			_, err := other.Get(t.Context(), put(t, one, make([]byte, 11)), 10)
			if err == nil || errors.Is(err, claim.ErrNotFound) {
				t.Errorf("got %v, want an error about the size", err)
			}
		}},
		{"a body that was never put is not found", func(t *testing.T, one, _ claim.Store) { misses(t, one, rand.Text()) }},
		{"a deleted body is not found, and may be deleted again", func(t *testing.T, one, other claim.Store) {
			key, kept := put(t, one, []byte("a")), put(t, one, []byte("b"))
			for range 2 {
				if err := one.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
			misses(t, other, key)
			gets(t, other, kept, []byte("b"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			tt.run(t, one, other)
		})
	}
}

func put(t *testing.T, s claim.Store, body []byte) (key string) {
	t.Helper()
	key = rand.Text()
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	return key
}

func gets(t *testing.T, s claim.Store, key string, want []byte) {
	t.Helper()
	if got, err := s.Get(t.Context(), key, len(want)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v; want the %d bytes that were put", len(got), err, len(want))
	}
}

func misses(t *testing.T, s claim.Store, key string) {
	t.Helper()
	if _, err := s.Get(t.Context(), key, 10); !errors.Is(err, claim.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
