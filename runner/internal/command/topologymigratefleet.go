package command

import (
	"context"
	"errors"
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
		return nil, fmt.Errorf("runner: pause queue %s: stop the process, or use a user that it obeys: %w%s", r.queue.Name, err, r.stay(replies))
	}
	answered := time.Now()
	idle := func(seen []fleet.Seen) bool { return r.idle(seen, all, answered) }
	if seen := w.gather(ctx, r.timeout, idle); ctx.Err() != nil {
		return nil, fmt.Errorf("runner: pause queue %s: %w%s", r.queue.Name, context.Cause(ctx), r.stay(replies))
	} else if !idle(seen) {
		return nil, &statusError{exitConflict, fmt.Errorf("runner: processes still have messages of queue %s in hand after %v, and stay paused: see runner fleet ls --in-hand, and run the command again",
			r.queue.Name, r.timeout)}
	}
	return all, nil
}

// stay returns what to do about the processes that are paused although the migration does not go on.
func (r *replacement) stay(replies []reply) string {
	if _, refused := undone(replies); refused == len(replies) {
		return ""
	}
	return fmt.Sprintf("; the processes that obeyed stay paused: run the command again, or runner fleet resume %s --everywhere", quoted(r.queue.Name))
}

// undone returns how many processes have not answered a command, and how many have refused it or
// could not execute it.
func undone(replies []reply) (unanswered, refused int) {
	for _, one := range replies {
		if _, answered := errors.AsType[*fleet.RefusedError](one.err); answered {
			refused++
		} else if one.err != nil {
			unanswered++
		}
	}
	return unanswered, refused
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

// idle reports whether the paused processes that have not ended have announced since a time that they
// have no message of the queue in hand.
func (r *replacement) idle(all, paused []fleet.Seen, since time.Time) bool {
	some := r.processes(all, since)
	waits := func(s fleet.Seen) bool { return includes(all, s) && !includes(some, s) }
	return !slices.ContainsFunc(paused, waits) && !slices.ContainsFunc(some, func(s fleet.Seen) bool {
		return slices.ContainsFunc(s.Queues, func(q fleet.Queue) bool { return q.Name == r.queue.Name && q.InHand > 0 })
	})
}

func includes(all []fleet.Seen, s fleet.Seen) bool {
	return slices.ContainsFunc(all, func(other fleet.Seen) bool { return other.User == s.User && other.Process.ID == s.Process.ID })
}

// resume resumes the queue in the processes.
func (r *replacement) resume(ctx context.Context, w *watched, all []fleet.Seen) error {
	if len(all) == 0 {
		return nil
	}
	replies, err := sendAll(ctx, w, all, fleet.Command{Name: fleet.Resume, Queue: r.queue.Name}, answerTime)
	return r.resumed(len(all), replies, err)
}

// resumed adds the answers of n processes. A process that cannot consume the queue still has the former
// configuration. It is an error if processes have not answered.
func (r *replacement) resumed(n int, replies []reply, err error) error {
	for _, one := range replies {
		_, answered := errors.AsType[*fleet.RefusedError](one.err)
		action, note := "resumed", one.Host
		switch {
		case answered:
			action, note = "paused", "restart it with this configuration: "+one.Error
		case one.err != nil:
			action, note = unknown, one.Error
		}
		r.add("process", short(one.Process), action, note)
	}
	if unanswered, _ := undone(replies); unanswered > 0 || len(replies) < n {
		err = &statusError{exitPartial, errors.Join(fmt.Errorf("runner: queue %s is replaced, but processes did not answer and may stay paused: run runner fleet resume %s --everywhere",
			r.queue.Name, quoted(r.queue.Name)), err)}
	}
	return err
}

// hintPaused names the processes that have the queue paused, as after an interruption of a former
// call.
func (r *replacement) hintPaused(ctx context.Context, w *watched) error {
	for _, s := range r.processes(w.gather(ctx, r.wait, never), time.Time{}) {
		if slices.ContainsFunc(s.Queues, func(q fleet.Queue) bool { return q.Name == r.queue.Name && q.State == "paused" }) {
			r.program.hintf("runner: queue %s is paused in process %s; to resume it: runner fleet resume %s --process %s",
				r.queue.Name, short(s.Process.ID), quoted(r.queue.Name), short(s.Process.ID))
		}
	}
	return context.Cause(ctx)
}
