package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ErrExists says that an address has an account already.
var ErrExists = errors.New("account: the address has an account already")

// Store keeps accounts in memory. Make it with NewStore. Its methods are safe for
// concurrent use, and what they return is the caller's own.
type Store struct {
	mu      sync.Mutex
	byID    map[string]*Account
	byEmail map[string]*Account
	changed chan struct{} // closed when a step is noted
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{byID: make(map[string]*Account), byEmail: make(map[string]*Account), changed: make(chan struct{})}
}

// Add saves a. The error is ErrExists if its address has an account, whatever the
// case of the letters: nobody means two people by that.
func (s *Store) Add(a Account) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(a.Email)
	if s.byEmail[key] != nil {
		return ErrExists
	}
	s.byID[a.ID], s.byEmail[key] = &a, &a
	return nil
}

// Remove takes an account back.
func (s *Store) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[id]; a != nil {
		delete(s.byID, id)
		delete(s.byEmail, strings.ToLower(a.Email))
	}
}

// Get returns the account with the id, and whether there is one.
func (s *Store) Get(id string) (Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id].read()
}

// ByEmail returns the account with the address, and whether there is one.
func (s *Store) ByEmail(email string) (Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byEmail[strings.ToLower(email)].read()
}

func (a *Account) read() (Account, bool) {
	if a == nil {
		return Account{}, false
	}
	read := *a
	read.Work = slices.Clone(a.Work)
	return read, true
}

// Note adds a step to the account with the id. It is nothing if there is none: an
// account taken back, or one of another process.
func (s *Store) Note(id string, step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byID[id]; a != nil {
		a.Work = append(a.Work, step)
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// Wait returns the account with the id as soon as it is as wanted. When ctx is done
// before, the error says what was done for the account until then.
func (s *Store) Wait(ctx context.Context, id string, wanted func(Account) bool) (Account, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		a, ok := s.byID[id].read()
		s.mu.Unlock()
		if ok && wanted(a) {
			return a, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return a, fmt.Errorf("account: %s has %+v: %w", a.Email, a.Work, context.Cause(ctx))
		}
	}
}
