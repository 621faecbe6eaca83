package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/printable"
)

// targets are the flags that choose processes.
type targets struct {
	processes  []string // beginnings of ids, which may follow a user and a slash
	everywhere bool
	optional   bool // neither flag means all processes
	wait       time.Duration
	timeout    time.Duration
}

func (t *targets) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&t.processes, "process", nil, "the beginning of a `PROCESS` id, or USER/ and the beginning; may be repeated")
	f.BoolVar(&t.everywhere, "everywhere", false, "all processes")
	f.DurationVar(&t.wait, "wait", gatherTime, "how long to listen for announcements")
	f.DurationVar(&t.timeout, "timeout", 10*time.Second, "how long to wait for the answers")
}

func (t *targets) check() error {
	if len(t.processes) > 0 && t.everywhere || !t.optional && len(t.processes) == 0 && !t.everywhere {
		return usage(errors.New("runner: want --process PROCESS or --everywhere"))
	}
	if slices.Contains(t.processes, "") {
		return usage(errors.New("runner: --process is empty, want the beginning of a process id, or --everywhere"))
	}
	return nil
}

// wholeID is the length of a process id.
const wholeID = 26

// found reports whether each of the processes has announced itself. For the beginning of an
// id all processes must be known, since several may have it.
func (t *targets) found(all []fleet.Seen) bool {
	missing := func(id string) bool {
		_, beginning := splitProcess(id)
		return len(beginning) < wholeID || len(matching(all, id)) == 0
	}
	return len(t.processes) > 0 && !slices.ContainsFunc(t.processes, missing)
}

// splitProcess returns the user, or "" for every user, and the beginning of the id.
func splitProcess(process string) (user, id string) {
	at := strings.LastIndexByte(process, '/')
	return process[:max(at, 0)], strings.ToUpper(process[at+1:])
}

func matching(all []fleet.Seen, process string) (found []fleet.Seen) {
	user, id := splitProcess(process)
	for _, s := range all {
		if strings.HasPrefix(s.Process.ID, id) && (user == "" || user == s.User) && !s.Missing {
			found = append(found, s)
		}
	}
	return found
}

// choose returns the processes for a command. If queue is not empty, it leaves out processes
// that do not consume the queue.
func (t *targets) choose(all []fleet.Seen, queue string) (chosen []fleet.Seen, err error) {
	for _, id := range t.processes {
		switch found := matching(all, id); len(found) {
		case 0:
			return nil, fmt.Errorf("runner: no process has an id that begins with %q: see runner fleet ls", id)
		case 1:
			if !slices.ContainsFunc(chosen, func(s fleet.Seen) bool { return s.Process.ID == found[0].Process.ID }) {
				chosen = append(chosen, found[0])
			}
		default:
			return nil, usage(fmt.Errorf("runner: --process %q matches %d processes, want more of the id", id, len(found)))
		}
	}
	if len(t.processes) == 0 {
		chosen = matching(all, "")
	}
	if queue == "" {
		if len(chosen) == 0 {
			err = errors.New("runner: no process announces itself on this virtual host")
		}
		return chosen, err
	}
	var known []string
	chosen = slices.DeleteFunc(chosen, func(s fleet.Seen) bool {
		has := s.Omitted > 0
		for _, q := range s.Queues {
			known = append(known, q.Name)
			has = has || q.Name == queue
		}
		return !has
	})
	if len(chosen) == 0 {
		err = fmt.Errorf("runner: no process that was chosen consumes queue %q%s", queue, didYouMean(queue, known))
	}
	return chosen, err
}

// reply is the result of a command in one process.
type reply struct {
	Process string `json:"process"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Result  string `json:"result,omitempty"`
	Error   string `json:"error,omitempty"`

	answer *fleet.Answer
	err    error
}

// sendAll sends a command to all processes at the same time.
func sendAll(ctx context.Context, w *watched, to []fleet.Seen, c fleet.Command, timeout time.Duration) ([]reply, error) {
	controller, err := fleet.Control(ctx, w.session)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	replies := make([]reply, len(to))
	var all sync.WaitGroup
	for i, s := range to {
		all.Go(func() {
			r := reply{Process: s.Process.ID, Host: s.Process.Host, PID: s.Process.PID}
			if r.answer, r.err = controller.Send(ctx, s, c); r.err != nil {
				r.Error = r.err.Error()
			} else {
				r.Result = r.answer.Result
			}
			replies[i] = r
		})
	}
	all.Wait()
	return replies, controller.Close()
}

// concerned returns the replies of processes that have the queue or message. If none of these has
// executed the command, it returns all: a process that could not be asked hides none that answered.
func concerned(all []reply) []reply {
	some := slices.DeleteFunc(slices.Clone(all), func(r reply) bool {
		refused, ok := errors.AsType[*fleet.RefusedError](r.err)
		return ok && refused.Unknown
	})
	if !slices.ContainsFunc(some, func(r reply) bool { return r.err == nil }) {
		return all
	}
	return some
}

// executed returns the replies of processes that have executed a command for one message. Another process
// does not have the message, so it may be one that could not be asked. If there are none, it returns all.
func executed(all []reply) []reply {
	some := slices.DeleteFunc(slices.Clone(all), func(r reply) bool { return r.err != nil })
	if len(some) == 0 {
		return all
	}
	return some
}

// failures returns an error if a process has not executed the command.
func failures(all []reply) error {
	failed, first := 0, ""
	for _, r := range all {
		if r.Error == "" {
			continue
		}
		if failed++; failed == 1 {
			first = printable.Cell(fmt.Sprintf("process %s: %s", short(r.Process), r.Error))
		}
	}
	switch {
	case failed == 0:
		return nil
	case failed == len(all):
		return fmt.Errorf("runner: %s", first)
	}
	return &statusError{exitPartial, fmt.Errorf("runner: %d of %d processes failed: %s", failed, len(all), first)}
}

func replyTable(all []reply) result {
	r := result{header: []string{"PROCESS", "HOST", "PID", "RESULT"}}
	for _, one := range all {
		text := one.Result
		if one.Error != "" {
			text = "failed: " + one.Error
		}
		r.rows = append(r.rows, []string{short(one.Process), one.Host, strconv.Itoa(one.PID), text})
		r.values = append(r.values, one)
	}
	return r
}

// command sets up c to send what command returns to the processes that the flags choose.
func (p *Program) fleetControl(c *cobra.Command, t *targets, command func(args []string) (fleet.Command, error), show func([]reply) result) *cobra.Command {
	t.flags(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		send, err := command(args)
		if err == nil {
			err = t.check()
		}
		if err != nil {
			return err
		}
		return p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error {
			to, err := t.choose(w.gather(ctx, t.wait, t.found), send.Queue)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			replies, err := sendAll(ctx, w, to, send, t.timeout)
			if err != nil {
				return err
			}
			switch {
			case send.ID != "":
				replies = executed(replies)
			case t.optional:
				replies = concerned(replies)
			}
			return errors.Join(p.show(show(replies)), failures(replies))
		})
	}
	return c
}
