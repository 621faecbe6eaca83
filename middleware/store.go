package middleware

import (
	"context"
	"time"
)

// Claim is a Store's answer to who may handle a message.
type Claim int

// The answers of Store.Claim.
const (
	Won  Claim = iota + 1 // the caller may, and must Complete or Release
	Busy                  // someone else is at it, and the lease has not ended
	Done                  // it was handled
)

// Store remembers which messages are being handled and which were. Dedupe uses it
// from many goroutines and, if it is shared, from many processes at once.
type Store interface {
	// Claim takes key for the caller, in one atomic step, if nobody has it or the
	// lease of who had it has ended.
	Claim(ctx context.Context, key string, lease time.Duration) (Claim, error)
	// Complete marks key as handled, whoever has it, for as long as the store
	// remembers.
	Complete(ctx context.Context, key string) error
	// Release gives up a claim, so that the next one is Won at once. A key that was
	// completed stays so.
	Release(ctx context.Context, key string) error
}
