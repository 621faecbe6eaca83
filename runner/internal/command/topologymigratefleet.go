package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

// answerTime is how long a process may take to answer.
const answerTime = 10 * time.Second

// pause pauses the queue in all processes that consume it and announce that, and waits until
// they have no message of it in hand. It returns these processes.
func (r *replacement) pause(ctx context.Context, w *watched) ([]fleet.Seen, error) {
	all := r.processes(w.gather(ctx, r.wait, never), time.Time{})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(all) == 0 {
		return nil, nil
	}
	replies, err := sendAll(ctx, w, all, fleet.Command{Name: fleet.Pause, Queue: r.queue.Name, Absent: true}, answerTime)
	if err == nil {
		err = failures(replies)
	}
	if err != nil {
		return nil, fmt.Errorf("runner: pause queue %s: stop the process, or use a user that it obeys: %w", r.queue.Name, err)
	}
	answered := time.Now()
	idle := func(seen []fleet.Seen) bool { return r.idle(seen, len(all), answered) }
	if seen := w.gather(ctx, r.timeout, idle); ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if !idle(seen) {
		return nil, &statusError{exitConflict, fmt.Errorf("runner: processes still have messages of queue %s in hand after %v, and stay paused: see runner fleet ls --in-hand, and run the command again",
			r.queue.Name, r.timeout)}
	}
	return all, nil
}

// processes returns the processes that announce the queue, and did so after a time.
func (r *replacement) processes(all []fleet.Seen, after time.Time) (some []fleet.Seen) {
	for _, s := range all {
		has := slices.ContainsFunc(s.Queues, func(q fleet.Queue) bool { return q.Name == r.queue.Name })
		if has && !s.Missing && s.Received.After(after) {
			some = append(some, s)
		}
	}
	return some
}

// idle reports whether n processes have announced since a time that they have no message of
// the queue in hand.
func (r *replacement) idle(all []fleet.Seen, n int, since time.Time) bool {
	some := r.processes(all, since)
	return len(some) >= n && !slices.ContainsFunc(some, func(s fleet.Seen) bool {
		return slices.ContainsFunc(s.Queues, func(q fleet.Queue) bool { return q.Name == r.queue.Name && q.InHand > 0 })
	})
}

// resume resumes the queue in the processes. One that cannot consume it still has the former
// configuration.
func (r *replacement) resume(ctx context.Context, w *watched, all []fleet.Seen) error {
	if len(all) == 0 {
		return nil
	}
	replies, err := sendAll(ctx, w, all, fleet.Command{Name: fleet.Resume, Queue: r.queue.Name}, answerTime)
	for _, one := range replies {
		action, note := "resumed", one.Host
		if one.Error != "" {
			action, note = "paused", "restart it with this configuration: "+one.Error
		}
		r.add("process", short(one.Process), action, note)
	}
	return err
}
