package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/broker"
)

const (
	canaryWait = 30 * time.Second
	canaryPoll = 100 * time.Millisecond
)

// runCanary replays the first letters and waits for what becomes of them.
func (r *replayer) runCanary(ctx context.Context) error {
	r.canary, r.flown, r.targets = true, make(map[string]time.Time), make(map[string]bool)
	if err := r.sweep.run(ctx, r.Canary); err != nil || r.result.Done == 0 {
		return err
	}
	r.canary = false
	if err := r.inspection.GiveBack(); err != nil {
		return err
	}
	if err := r.awaitCanary(ctx); err != nil {
		return err
	}
	return r.comeBack(ctx)
}

// awaitCanary waits for the whole time, and in it to see each work queue empty once:
// then the canaries have left it.
func (r *replayer) awaitCanary(ctx context.Context) error {
	wait := cmp.Or(r.CanaryWait, canaryWait)
	over := time.After(wait)
	tick := time.NewTicker(canaryPoll)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			last = true
		case <-tick.C:
		}
		waiting, err := r.stillWaiting(ctx)
		switch {
		case err != nil:
			return err
		case last && waiting != "":
			return fmt.Errorf("%w: within %v it was not seen to leave the work queue: %s", ErrCanary, wait, waiting)
		case last:
			return nil
		}
	}
}

// stillWaiting says of one work queue how many messages are in it.
func (r *replayer) stillWaiting(ctx context.Context) (waiting string, err error) {
	for queue := range r.targets {
		state, err := r.inspection.Session().State(ctx, queue)
		if err != nil {
			return "", err
		}
		if state.Messages == 0 {
			delete(r.targets, queue)
			continue
		}
		waiting = fmt.Sprintf("%s has %d messages waiting and %d consumers", queue, state.Messages, state.Consumers)
	}
	return waiting, nil
}

// comeBack looks for canaries among the letters.
func (r *replayer) comeBack(ctx context.Context) error {
	there, err := r.inspection.State()
	if err != nil || there.Messages <= r.result.Total-r.result.Done {
		return err // nothing has come since
	}
	back, example := 0, ""
	err = r.inspection.Take(ctx, there.Messages, func(h *broker.Held) (bool, error) {
		l := open(r.queue, h)
		if failed, flew := r.flown[l.ID]; flew && !l.FailedAt.Before(failed) {
			back, example = back+1, l.Error
		}
		return true, nil
	})
	if err == nil {
		err = r.inspection.GiveBack()
	}
	if err == nil && back > 0 {
		err = fmt.Errorf("%w: %d of %d came back: %s", ErrCanary, back, len(r.flown), example)
	}
	return err
}
