package command

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/retry"
)

func TestFailingTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		policy  retry.Policy
		timeout time.Duration
		want    time.Duration
	}{
		{"one attempt", retry.Policy{MaxAttempts: 1}, 5 * time.Second, 15 * time.Second},
		{"three attempts and their pauses", retry.Policy{MaxAttempts: 3, InitialInterval: 10 * time.Second, RandomizationFactor: -1}, time.Second, 43 * time.Second},
		{"the longest of random pauses", retry.Policy{MaxAttempts: 2, InitialInterval: 10 * time.Second, RandomizationFactor: 0.5}, time.Second, 27 * time.Second},
		{"no timeout", retry.Policy{MaxAttempts: 1}, -1, 70 * time.Second},
		{"no last attempt", retry.Policy{MaxAttempts: -1}, time.Second, longestWait},
		{"a timeout of centuries", retry.Policy{MaxAttempts: 3}, 1<<63 - 1, longestWait},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := failingTime(tt.policy, tt.timeout); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
