package dedupe

import (
	"container/list"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Memory is a Store in the memory of this process. It forgets everything at a restart, and
// other processes do not see it. It is safe for concurrent use and starts no goroutine.
type Memory struct {
	ttl   time.Duration
	limit int

	mu     sync.Mutex
	claims map[string]held
	count  uint64 // of claims won: the last token
	done   map[string]*list.Element
	oldest *list.List // of completed, in the order of their end, which is the order of completion
}

// held is a claim that was won.
type held struct {
	token Token
	ends  time.Time // of its lease
}

type completed struct {
	key  string
	ends time.Time
}

var _ Store = (*Memory)(nil)

// NewMemory returns a store that remembers the keys of handled messages for ttl, at most
// limit of them: beyond that it forgets the oldest. It holds at most limit claims at a
// time, and answers Busy to further ones. It panics unless both are more than 0.
func NewMemory(ttl time.Duration, limit int) *Memory {
	if ttl <= 0 || limit <= 0 {
		panic(fmt.Sprintf("dedupe: NewMemory got ttl %v and limit %d, want more than 0", ttl, limit))
	}
	return &Memory{
		ttl: ttl, limit: limit,
		claims: make(map[string]held), done: make(map[string]*list.Element), oldest: list.New(),
	}
}

// Claim takes key for the caller. Its error is always nil.
func (s *Memory) Claim(_ context.Context, key string, lease time.Duration) (Claim, Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.forget(now)
	if s.done[key] != nil {
		return Done, "", nil
	}
	other, claimed := s.claims[key]
	if claimed && now.Before(other.ends) || !claimed && s.full(now) {
		return Busy, "", nil
	}
	s.count++
	claim := held{Token(strconv.FormatUint(s.count, 10)), now.Add(lease)}
	s.claims[key] = claim
	return Won, claim.token, nil
}

// Complete marks key as handled. Its error is nil or ErrClaimLost.
func (s *Memory) Complete(_ context.Context, key string, token Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if other, claimed := s.claims[key]; claimed && other.token != token {
		return ErrClaimLost
	}
	delete(s.claims, key)
	if e := s.done[key]; e != nil {
		s.oldest.Remove(e)
	}
	s.done[key] = s.oldest.PushBack(completed{key, now.Add(s.ttl)})
	s.forget(now)
	return nil
}

// Release ends the claim on key. Its error is always nil.
func (s *Memory) Release(_ context.Context, key string, token Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims[key].token == token {
		delete(s.claims, key)
	}
	return nil
}

// forget drops completed keys that are too old or too many.
func (s *Memory) forget(now time.Time) {
	for e := s.oldest.Front(); e != nil; e = s.oldest.Front() {
		c, ok := e.Value.(completed)
		if ok && now.Before(c.ends) && s.oldest.Len() <= s.limit {
			return
		}
		s.oldest.Remove(e)
		delete(s.done, c.key)
	}
}

// full says whether there is no room for one more claim, ended ones removed.
func (s *Memory) full(now time.Time) bool {
	if len(s.claims) < s.limit {
		return false
	}
	for key, claim := range s.claims {
		if !now.Before(claim.ends) {
			delete(s.claims, key)
		}
	}
	return len(s.claims) >= s.limit
}
