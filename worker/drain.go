package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// drain waits: for the grace, then for cancelled handlers, then no more.
func (w *Worker) drain(drained, interrupted <-chan struct{}) error {
	select {
	case <-drained:
		return nil
	case <-interrupted:
		w.abandon(ErrInterrupted)
		return ErrInterrupted
	case <-time.After(w.config.Grace):
	}
	w.abandon(ErrGraceExpired)
	select {
	case <-drained:
		return nil
	case <-interrupted:
		return ErrInterrupted
	case <-time.After(abandonTimeout):
		return w.stuck()
	}
}

// stuck names the queues whose handlers have not returned. It returns nil if there are
// none: then it is the broker that does not answer.
func (w *Worker) stuck() error {
	var queues []string
	for _, q := range w.queues {
		if q.busy.Load() > 0 {
			queues = append(queues, q.config.Name)
		}
	}
	if len(queues) == 0 {
		return nil
	}
	return fmt.Errorf("%w: queue %s", ErrHandlerStuck, strings.Join(queues, ", "))
}

// finish waits for the last goroutines, but not longer than Run may take. It returns err,
// or ErrInterrupted if a second signal comes meanwhile.
func finish(err error, interrupted <-chan struct{}, ended ...<-chan struct{}) error {
	limit := closeTimeout
	if errors.Is(err, ErrInterrupted) {
		limit, interrupted = interruptTimeout, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, c := range ended {
		select {
		case <-c:
		case <-interrupted:
			return ErrInterrupted
		case <-timer.C:
			return err
		}
	}
	return err
}
