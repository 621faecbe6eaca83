// Package pace waits between the attempts of a loop that tries again until it succeeds.
package pace

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/warren-mq/warren/retry"
)

// Wait waits for the delay of p after the given number of failures, randomized. It returns early when ctx
// is done, and reports whether to go on. After no failure it does not wait.
func Wait(ctx context.Context, p retry.Policy, failures int) bool {
	return Until(ctx, nil, p, failures)
}

// Until is Wait that also returns early when it receives from sooner.
func Until(ctx context.Context, sooner <-chan struct{}, p retry.Policy, failures int) bool {
	if failures > 0 {
		timer := time.NewTimer(p.Randomized(failures, rand.Float64()))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-sooner:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
