package command

import (
	"math"
	"testing"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestAMessageMayWaitForItsTurn(t *testing.T) {
	t.Parallel()
	const minute = config.Limit(time.Minute)
	tests := map[string]struct {
		queue config.Queue
		want  time.Duration
	}{
		"twice the timeout with the default prefetch":  {config.Queue{Timeout: minute, Concurrency: 8}, 2 * time.Minute},
		"once with priorities, which prefetch no more": {config.Queue{Timeout: minute, Concurrency: 8, MaxPriority: 10}, time.Minute},
		"once more for a turn that is not full":        {config.Queue{Timeout: minute, Concurrency: 8, Prefetch: 17}, 3 * time.Minute},
		"without end if the handlers have no time-out": {config.Queue{Timeout: -1, Concurrency: 8}, math.MaxInt64},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := waitOf(tt.queue); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
