package engine

import (
	"errors"
	"slices"
	"sync"
)

// stop ends the schedules and drains all queues, at the same time.
func (e *Engine) stop(cause error) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	e.mu.Lock()
	e.stopped = true
	queues, s := slices.Clone(e.queues), e.scheduler
	e.mu.Unlock()
	return errors.Join(s.stop(), stopAll(queues, cause))
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
