package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// errReload is the cause of a drain for a new configuration.
var errReload = errors.New("runner: the configuration has changed")

var errStopped = errors.New("runner: it is stopping, and takes no new configuration")

// Reload puts a new configuration to work: what can change live does, a queue that has
// changed drains and starts again alone, and what needs a new process stays as it is,
// which the result tells. On an error nothing has changed, unless the error is of a queue
// that did not drain.
func (e *Engine) Reload(ctx context.Context, to *config.Config) (config.Changes, error) {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	if e.isStopped() {
		return config.Changes{}, errStopped
	}
	from := e.Config()
	changes := config.Diff(from, to)
	to = pinned(to, from)
	fresh, err := e.prepare(ctx, changes, to)
	if err != nil {
		return changes, err
	}
	err = e.replace(changes, fresh, to)
	e.changeLive(from, to)
	awaitReady(ctx, fresh)
	return changes, err
}

// pinned is to with those parts of from that only a new process can change.
func pinned(to, from *config.Config) *config.Config {
	c := *to
	c.Broker, c.Admin, c.Telemetry, c.Grace, c.Log.Format = from.Broker, from.Admin, from.Telemetry, from.Grace, from.Log.Format
	return &c
}

// prepare does all that can fail, before anything is stopped.
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
	if err := e.plan(ctx, wiring.Topology(to)); err != nil {
		return fresh, err
	}
	return fresh, e.connections.Sender().Declare(ctx, wiring.Exchanges(to))
}

// replace drains what goes and starts what comes.
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
	e.config, e.queues = to, inOrder(to, append(stays, fresh...))
	for _, q := range fresh {
		e.startQueue(q)
	}
	if changes.Schedules {
		e.scheduler = nil
		e.startScheduler(to)
	}
	return err
}

// inOrder sorts the queues as the configuration has them.
func inOrder(c *config.Config, queues []*queue) []*queue {
	place := func(q *queue) int {
		return slices.IndexFunc(c.Queues, func(other config.Queue) bool { return other.Name == q.config.Name })
	}
	slices.SortFunc(queues, func(a, b *queue) int { return place(a) - place(b) })
	return queues
}

// changeLive sets what has changed of the queues that stay. What an operator has set
// meanwhile counts until the configuration changes.
func (e *Engine) changeLive(from, to *config.Config) {
	if e.options.Level != nil {
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
		q.sub.SetConcurrency(to.Concurrency)
	}
	if from.Retry != to.Retry {
		_ = q.sub.SetRetry(to.Retry.Policy()) // it was found right with the rest
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
