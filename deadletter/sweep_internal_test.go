package deadletter

import (
	"testing"
	"time"
)

func TestWhichDeadLettersArrivedAfterTheCall(t *testing.T) {
	t.Parallel()
	call := time.Now().Add(-time.Hour)
	before, since, ahead := call.Add(-time.Minute), call.Add(time.Minute), time.Now().Add(time.Hour)
	tests := map[string]struct {
		failed, replayed time.Time
		want             bool
	}{
		"one that failed before the call is from before":                              {before, time.Time{}, false},
		"one that failed since the call is newer":                                     {since, time.Time{}, true},
		"one without times is from before":                                            {time.Time{}, time.Time{}, false},
		"one whose failure is ahead of the clock is from before":                      {ahead, time.Time{}, false},
		"one that this call replayed is newer, although the worker's clock is behind": {before, since, true},
		"one that this call replayed is newer, although the worker's clock is ahead":  {ahead, since, true},
		"one that an earlier call replayed is from before":                            {before, before, false},
		"one whose replay is ahead of the clock is from before":                       {before, ahead, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &round{sweep: &sweep{cutoff: call}}
			if got := r.arrivedLater(&DeadLetter{FailedAt: tt.failed, ReplayedAt: tt.replayed}); got != tt.want {
				t.Errorf("arrived later is %v, want %v", got, tt.want)
			}
		})
	}
}
