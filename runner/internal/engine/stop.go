package engine

import (
	"errors"
	"slices"
	"sync"
)

// stop stops the schedules and drains all queues at the same time. A running reload starts
// no more queues; stop also waits for the queues that the reload drains.
func (e *Engine) stop(cause error) error {
	e.mu.Lock()
	e.stopped = true
	close(e.stopping)
	queues, s := slices.Clone(e.queues), e.scheduler
	e.mu.Unlock()
	var schedules error
	var both sync.WaitGroup
	both.Go(func() { schedules = s.stop() })
	err := stopAll(queues, cause)
	both.Wait()
	return errors.Join(schedules, err)
}

func stopAll(queues []*queue, cause error) error {
	errs := make([]error, len(queues))
	var all sync.WaitGroup
	for i, q := range queues {
		all.Go(func() { errs[i] = q.stop(cause) })
	}
	all.Wait()
	return errors.Join(errs...)
}
