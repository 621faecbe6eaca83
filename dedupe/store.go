package dedupe

import (
	"context"
	"errors"
	"time"
)

// Claim is a Store's answer to who may handle a message.
type Claim int

// The answers of Store.Claim.
const (
	Won  Claim = iota + 1 // the caller may, and must Complete or Release
	Busy                  // another claim holds, and its lease has not ended
	Done                  // it was handled
)

// Token tells one claim of a key from the claims before and after it. The store chooses
// it; it is empty unless the claim was Won.
type Token string

// ErrClaimLost says that the lease of a claim ended before its Complete, and that
// another caller has claimed the key since: the message may be handled twice.
var ErrClaimLost = errors.New("dedupe: the claim's lease ended, and another worker has claimed the message since")

// Store remembers which messages are being handled and which were. middleware.Dedupe uses it
// from many goroutines and, if it is shared, from many processes at once. Each method
// is one atomic step. Package dedupetest tests that a store keeps this contract.
type Store interface {
	// Claim takes key for the caller if no claim holds it or the lease of the one that
	// does has ended. A lease of 0 or less ends at once. The token differs from that of
	// every other claim of the key.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, Token, error)
	// Complete marks key as handled for as long as the store remembers. If another claim
	// than token's holds key, Complete changes nothing and returns ErrClaimLost. It
	// returns nil for a key that is handled already or that no claim holds.
	Complete(ctx context.Context, key string, token Token) error
	// Release ends token's claim, so that the next one is Won at once. It changes nothing
	// and returns nil if another claim holds key or key was completed.
	Release(ctx context.Context, key string, token Token) error
}
