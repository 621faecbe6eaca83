package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// drain waits for the handlers: during the grace, and for 5 s after cancelling them.
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

// stuck returns ErrHandlerStuck with the queues whose handlers have not returned, or nil if all
// have; then the broker does not answer.
func (w *Worker) stuck() error {
	var queues []string
	for _, q := range w.queues {
		if q.inHandNow() > 0 {
			queues = append(queues, q.config.Name)
		}
	}
	if len(queues) == 0 {
		return nil
	}
	return fmt.Errorf("%w: queue %s", ErrHandlerStuck, strings.Join(queues, ", "))
}

// finish waits for the last goroutines within a bound, and returns err, or ErrInterrupted if a
// second signal arrives meanwhile.
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
