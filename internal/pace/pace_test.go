package pace_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
)

func TestWait(t *testing.T) {
	t.Parallel()
	policy := retry.Policy{InitialInterval: time.Second, Multiplier: 2, RandomizationFactor: -1}
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		sooner := make(chan struct{}, 1)
		sooner <- struct{}{}
		for _, tt := range []struct {
			name     string
			ctx      context.Context
			sooner   chan struct{}
			failures int
			took     time.Duration
			goOn     bool
		}{
			{"no failure, no pause", t.Context(), nil, 0, 0, true},
			{"the first pause", t.Context(), nil, 1, time.Second, true},
			{"the third pause", t.Context(), nil, 3, 4 * time.Second, true},
			{"a pause cut short", t.Context(), sooner, 3, 0, true},
			{"a context that is done", ended, nil, 3, 0, false},
			{"a context that is done, without a failure", ended, nil, 0, 0, false},
		} {
			began := time.Now()
			goOn := pace.Until(tt.ctx, tt.sooner, policy, tt.failures)
			if took := time.Since(began); goOn != tt.goOn || took != tt.took {
				t.Errorf("%s: got %v after %v, want %v after %v", tt.name, goOn, took, tt.goOn, tt.took)
			}
		}
	})
}
