package interrupt

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestRepeatsWithinASecondCountOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after []time.Duration // when further signals come, after the first
		want  time.Duration   // when the interruption is seen; 0 for never
	}{
		"no further signal":                      {nil, 0},
		"the group gets it too":                  {[]time.Duration{time.Millisecond}, 0},
		"a wrapper passes it on twice":           {[]time.Duration{5 * time.Millisecond, 999 * time.Millisecond}, 0},
		"a second one after a second":            {[]time.Duration{time.Second}, time.Second},
		"someone goes on pressing Ctrl-C":        {[]time.Duration{300 * time.Millisecond, 600 * time.Millisecond, 1200 * time.Millisecond}, 1200 * time.Millisecond},
		"a second one after an hour of draining": {[]time.Duration{time.Hour}, time.Hour},
		"both: a repetition, and one after that": {[]time.Duration{time.Millisecond, 3 * time.Second}, 3 * time.Second},
		"a third one has nothing more to tell":   {[]time.Duration{2 * time.Second, 3 * time.Second}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				signals, stopped := make(chan os.Signal, 1), make(chan struct{})
				began, seen := time.Now(), make(chan time.Duration, 1)
				go func() {
					if isRepeated(signals, stopped) {
						seen <- time.Since(began)
					}
				}()
				for _, at := range tt.after {
					time.AfterFunc(at, func() { signals <- os.Interrupt })
				}
				got := time.Duration(0)
				select {
				case got = <-seen:
				case <-time.After(2 * time.Hour):
				}
				close(stopped)
				if got != tt.want {
					t.Errorf("interrupted after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestWithoutAFirstSignalThereIsNoSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		second, stop := Second(ctx)
		cancel(errors.New("the program has ended it"))
		synctest.Wait()
		select {
		case <-second:
			t.Error("a second signal is seen, want none")
		default:
		}
		stop()
	})
}
