package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/runner/internal/config"
)

const fleetHelp = `Show and control all processes that announce themselves on this virtual host.

Each process announces itself every 3 s on the exchange warren.fleet, so a command listens
for 3.5 s first (--wait). PROCESS is the beginning of a process id, as "fleet ls" shows it, or
USER/ and the beginning of an id: a process of another user may announce the same id.

A process executes the commands of the RabbitMQ users in fleet.users of its configuration.
By default that is its own user. The user of a command is the one that broker.url logs in
as; RabbitMQ verifies it.`

// gatherTime is how long a command listens for announcements.
const gatherTime = fleet.Interval + 500*time.Millisecond

func (p *Program) fleetCommand() *cobra.Command {
	c := parent("fleet", "Show and control the processes that consume queues on this virtual host")
	c.Long = fleetHelp
	c.AddCommand(p.fleetList(), p.fleetWatch(), p.fleetPause(), p.fleetResume(), p.fleetScale(), p.fleetCancel(), p.fleetStacks(),
		p.fleetDrain(), p.fleetLogLevel())
	return c
}

// watched is a connection that listens to the fleet.
type watched struct {
	session  *amqp.Session
	listener *fleet.Listener
}

// withFleet connects, listens, and calls do.
func (p *Program) withFleet(ctx context.Context, do func(context.Context, *watched) error) error {
	c, err := p.load(false)
	if err != nil {
		return err
	}
	return p.withFleetOf(ctx, c, do)
}

// withFleetOf is withFleet for a configuration that has been read.
func (p *Program) withFleetOf(ctx context.Context, c *config.Config, do func(context.Context, *watched) error) (err error) {
	s, err := p.dial(ctx, c)
	if err != nil {
		return err
	}
	l, err := fleet.Listen(ctx, s)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := l.Run(ctx); err != nil {
			cancel(fmt.Errorf("runner: listen to the fleet: %w", err))
		}
	}()
	err = do(ctx, &watched{s, l})
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	cancel(nil)
	<-ended
	return errors.Join(err, s.Close())
}

// gather listens for a time, or until enough returns true, and returns the processes.
func (w *watched) gather(ctx context.Context, wait time.Duration, enough func([]fleet.Seen) bool) []fleet.Seen {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-w.listener.Changed():
			if all := w.listener.Processes(time.Now()); enough(all) {
				return all
			}
		case <-timer.C:
			return w.listener.Processes(time.Now())
		case <-ctx.Done():
			return nil
		}
	}
}

func never([]fleet.Seen) bool { return false }

func (p *Program) fleetList() *cobra.Command {
	var wait time.Duration
	var hands bool
	c := &cobra.Command{
		Use: "ls", Short: "Show the processes and their queues", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error {
				all := w.gather(ctx, wait, never)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				table := fleetTable
				if hands {
					table = inHandTable
				}
				return p.show(table(all, time.Now()))
			})
		},
	}
	c.Flags().DurationVar(&wait, "wait", gatherTime, "how long to listen for announcements")
	c.Flags().BoolVar(&hands, "in-hand", false, "show the messages in hand instead, at most 64 of each process")
	return c
}

const noProcesses = "No process announces itself on this virtual host."

// fleetTable shows a line for each queue of each process.
func fleetTable(all []fleet.Seen, now time.Time) result {
	r := result{
		header: []string{"PROCESS", "USER", "HOST", "PID", "UP", "QUEUE", "STATE", "IN HAND", "OK/S", "RETRY/S", "DEAD/S", "NOTE"}, empty: noProcesses,
	}
	for _, s := range all {
		r.values = append(r.values, s)
		head := []string{short(s.Process.ID), cmp.Or(s.User, "-"), s.Process.Host, strconv.Itoa(s.Process.PID), rounded(max(now.Sub(s.Process.Started), 0))}
		for i, q := range s.Queues {
			note := queueNote(q)
			if i == 0 {
				note = processNote(s, now, note)
			}
			state := q.State
			if s.Missing {
				state = "missing"
			}
			r.rows = append(r.rows, append(slices.Clone(head), q.Name, state, fmt.Sprintf("%d of %d", q.InHand, q.Concurrency),
				perSecond(q.OK), perSecond(q.Retry), perSecond(q.Dead), note))
		}
		if len(s.Queues) == 0 {
			r.rows = append(r.rows, append(head, "-", "-", "-", "-", "-", "-", processNote(s, now, "")))
		}
	}
	return r
}

// processNote returns what is to be said about a process, and a note about its first queue.
func processNote(s fleet.Seen, now time.Time, note string) string {
	var notes []string
	if s.Missing {
		notes = append(notes, "last seen "+ago(s.Received, now))
	}
	if len(s.Reasons) > 0 && (len(s.Queues) == 0 || s.Queues[0].Error == "") {
		notes = append(notes, s.Reasons[0])
	}
	if note != "" {
		notes = append(notes, note)
	}
	if s.Schedules != nil && s.Schedules.Role != "" {
		notes = append(notes, "schedules of "+s.Schedules.Group+": "+s.Schedules.Role)
	}
	for _, l := range s.Limits {
		notes = append(notes, fmt.Sprintf("limit %s: holds %d of %d", l.Name, l.Held, l.Slots))
		if l.Waiting > 0 {
			notes[len(notes)-1] += fmt.Sprintf(", %d waiting", l.Waiting)
		}
	}
	if s.Omitted > 0 {
		notes = append(notes, fmt.Sprintf("%d more queues and messages are not shown", s.Omitted))
	}
	return strings.Join(notes, "; ")
}

// queueNote returns the error of a queue, what holds its messages back, and which of its partitions the
// process consumes.
func queueNote(q fleet.Queue) string {
	var notes []string
	if q.Error != "" {
		notes = append(notes, q.Error)
	}
	if q.Breaker != "" && q.Breaker != "closed" {
		notes = append(notes, fmt.Sprintf("breaker %s, %d waiting", q.Breaker, q.BreakerWaiting))
	}
	if q.AdaptiveLimit > 0 {
		notes = append(notes, fmt.Sprintf("adaptive limit %d", q.AdaptiveLimit))
	}
	if q.Partitions > 0 {
		notes = append(notes, fmt.Sprintf("partitions %s of %d", numbers(q.Consumes), q.Partitions))
	}
	return strings.Join(notes, "; ")
}

// numbers returns partitions as a text, such as 0 3 5.
func numbers(all []int) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Trim(fmt.Sprint(all), "[]")
}

// held is a message in hand as JSON.
type held struct {
	Process string `json:"process"`
	Host    string `json:"host"`
	fleet.InHand
}

func inHandTable(all []fleet.Seen, _ time.Time) result {
	r := result{header: []string{"PROCESS", "HOST", "QUEUE", "MESSAGE", "HANDLER", "KEY", "ATTEMPT", "AGE", "NOTE"}, empty: "No messages are in hand."}
	for _, s := range all {
		for _, m := range s.InHand {
			r.rows = append(r.rows, []string{
				short(s.Process.ID), s.Process.Host, m.Queue, m.ID, m.Handler, m.Key, strconv.Itoa(m.Attempt), age(m), note(m),
			})
			r.values = append(r.values, held{s.Process.ID, s.Process.Host, m})
		}
	}
	return r
}

func note(m fleet.InHand) string {
	var notes []string
	if m.Progress > 0 {
		notes = append(notes, fmt.Sprintf("%.0f %% done", min(m.Progress, 1)*100))
	}
	if m.Cancelled != "" {
		notes = append(notes, "cancelled by "+m.Cancelled)
	}
	return strings.Join(notes, ", ")
}

func age(m fleet.InHand) string {
	const most = 1 << 40 // milliseconds; a larger age is not true
	return rounded(time.Duration(min(max(m.AgeMS, 0), most)) * time.Millisecond)
}

// shortID is how much of a process id is shown.
const shortID = 8

func short(id string) string { return id[:min(len(id), shortID)] }

func perSecond(n float64) string {
	if n == 0 {
		return "0"
	}
	return strconv.FormatFloat(n, 'f', 1, 64)
}
