package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// errReload is the cause of a drain for a new configuration.
var errReload = errors.New("runner: the configuration has changed")

// ErrStopped is returned by Reload when the engine stops or has stopped.
var ErrStopped = errors.New("runner: reload: the runner is stopping")

// NotDrainedError is returned by Reload if the new configuration applies, although a queue or the
// scheduler of the old one did not end in time.
type NotDrainedError struct{ Err error }

// Error returns what did not end.
func (e *NotDrainedError) Error() string {
	return "runner: reload: the new configuration applies, but the old work did not end in time: " + e.Err.Error()
}

// Unwrap returns the errors of the queues and the scheduler.
func (e *NotDrainedError) Unwrap() error { return e.Err }

// Reload applies a new configuration. Settings that can change live take effect at once. A
// changed queue is drained and started again; other queues continue. Settings that need a
// new process keep their old values and are listed in the result. If something must be
// declared, Reload waits for the broker, until ctx is done or the engine stops
// (ErrStopped). After an error, the old configuration applies, unless it is a NotDrainedError.
// One reload runs at a time, and the first one waits until the start is complete.
func (e *Engine) Reload(ctx context.Context, to *config.Config) (config.Changes, error) {
	select {
	case <-e.working: // a reload would change what the start uses
	case <-e.stopping:
		return config.Changes{}, ErrStopped
	case <-ctx.Done():
		return config.Changes{}, e.becauseOfStop(fmt.Errorf("runner: reload: %w", context.Cause(ctx)))
	}
	select {
	case e.reloading <- struct{}{}:
		defer func() { <-e.reloading }()
	case <-e.stopping:
		return config.Changes{}, ErrStopped
	case <-ctx.Done():
		return config.Changes{}, e.becauseOfStop(fmt.Errorf("runner: reload: %w", context.Cause(ctx)))
	}
	ctx, cancel := e.untilStop(ctx)
	defer cancel()
	changes, err := e.reload(ctx, to)
	return changes, e.becauseOfStop(err)
}

// becauseOfStop returns ErrStopped if the engine stops, which is the reason for other errors,
// also before it has cancelled their context. Otherwise it returns err.
func (e *Engine) becauseOfStop(err error) error {
	select {
	case <-e.stopping:
		return ErrStopped
	default:
		return err
	}
}

func (e *Engine) reload(ctx context.Context, to *config.Config) (config.Changes, error) {
	from := e.Config()
	changes := config.Diff(from, to)
	to = pinned(to, from)
	fresh, err := e.prepare(ctx, changes, to)
	if err != nil {
		return changes, err
	}
	err = e.replace(changes, fresh, to)
	if errors.Is(err, ErrStopped) {
		return changes, errors.Join(err, stopAll(fresh, nil))
	}
	e.changeLive(from, to)
	awaitReady(ctx, fresh)
	if err != nil {
		err = &NotDrainedError{err}
	}
	return changes, err
}

// untilStop returns ctx, which is cancelled with ErrStopped when the engine stops.
func (e *Engine) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-e.stopping:
			cancel(ErrStopped)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// pinned returns to with the parts of from that only a new process can change.
func pinned(to, from *config.Config) *config.Config {
	c := *to
	c.Broker, c.Admin, c.Fleet, c.Telemetry, c.Grace, c.Log.Format = from.Broker, from.Admin, from.Fleet, from.Telemetry, from.Grace, from.Log.Format
	return &c
}

// prepare does everything that can fail, before queues are stopped.
func (e *Engine) prepare(ctx context.Context, changes config.Changes, to *config.Config) (fresh []*queue, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, stopAll(fresh, nil))
		}
	}()
	for _, c := range to.Queues {
		if !slices.Contains(changes.Added, c.Name) && !slices.Contains(changes.Restart, c.Name) {
			continue
		}
		q, err := e.newQueue(c, to)
		if err != nil {
			return fresh, err
		}
		fresh = append(fresh, q)
	}
	if len(fresh)+len(changes.Exchanges) == 0 {
		return fresh, nil // no declarations, so no broker is needed
	}
	if err := e.plan(ctx, wiring.Topology(to)); err != nil {
		return fresh, err
	}
	return fresh, e.ensure(ctx, to)
}

// replace drains the old queues and starts the new ones. If the engine stops in between, it
// starts none and returns ErrStopped.
func (e *Engine) replace(changes config.Changes, fresh []*queue, to *config.Config) error {
	e.mu.Lock()
	var goes, stays []*queue
	for _, q := range e.queues {
		if slices.Contains(changes.Removed, q.config.Name) || slices.Contains(changes.Restart, q.config.Name) {
			goes = append(goes, q)
		} else {
			stays = append(stays, q)
		}
	}
	old := e.scheduler
	e.mu.Unlock()

	err := stopAll(goes, errReload)
	if changes.Schedules {
		err = errors.Join(err, old.stop())
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return errors.Join(err, ErrStopped)
	}
	e.config, e.queues = to, inOrder(to, append(stays, fresh...))
	for _, q := range fresh {
		if i := slices.IndexFunc(goes, func(old *queue) bool { return old.config.Name == q.config.Name }); i >= 0 {
			q.keepSet(goes[i])
		}
		e.startQueue(q)
	}
	if changes.Schedules {
		e.scheduler = nil
		e.startScheduler(to)
	}
	return err
}

// keepSet takes over what an operator has set in old, the queue that q replaces, unless the
// configuration has changed the same setting.
func (q *queue) keepSet(old *queue) {
	if q.config.Paused == old.config.Paused {
		q.sub.PauseLike(old.sub)
	}
	if n := old.sub.Health().Concurrency; q.config.Concurrency == old.config.Concurrency && n != old.config.AtOnce() {
		q.sub.SetConcurrency(n)
	}
}

// inOrder sorts the queues in the order of the configuration.
func inOrder(c *config.Config, queues []*queue) []*queue {
	place := func(q *queue) int {
		return slices.IndexFunc(c.Queues, func(other config.Queue) bool { return other.Name == q.config.Name })
	}
	slices.SortFunc(queues, func(a, b *queue) int { return place(a) - place(b) })
	return queues
}

// changeLive applies the live settings that have changed. A value that an operator has set
// stays until that setting changes in the configuration.
func (e *Engine) changeLive(from, to *config.Config) {
	if e.options.Level != nil && from.Log.Level != to.Log.Level {
		e.options.Level.Set(wiring.Level(to.Log))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, q := range e.queues {
		c := to.Queues[i]
		old := slices.IndexFunc(from.Queues, func(other config.Queue) bool { return other.Name == c.Name })
		if old >= 0 {
			q.changeLive(from.Queues[old], c)
		}
	}
}

func (q *queue) changeLive(from, to config.Queue) {
	if from.Concurrency != to.Concurrency {
		q.sub.SetConcurrency(to.AtOnce())
	}
	if from.Retry != to.Retry {
		_ = q.sub.SetRetry(to.Retry.Policy()) // the policy was validated with the configuration
	}
	switch {
	case from.Paused == to.Paused:
	case to.Paused:
		q.sub.Pause()
	default:
		q.sub.Resume()
	}
	q.config.Concurrency, q.config.Retry, q.config.Paused = to.Concurrency, to.Retry, to.Paused
}
