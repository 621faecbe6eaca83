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
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/topology"
)

const delaysHelp = `Show and change the retries and delayed messages that wait. QUEUE is a work queue, or with
--exchange an exchange whose messages were published with a delay.

Messages that are due within about a minute are held by one process that consumes the
parking queue. The commands ask that process; it must announce itself: see runner fleet.
Messages that are due later wait in queues of the broker, the levels warren.delay.…s, which
all queues share. AMQP can count these messages but not list them, so they cannot be shown,
run or cancelled before they return to the parking queue.`

func (p *Program) delaysCommand() *cobra.Command {
	c := parent("delays", "Show and change delayed messages, or migrate the messages of an earlier version")
	c.Long = delaysHelp
	c.AddCommand(p.delaysList(), p.delaysShow(),
		p.delaysChange("run-now", "Publish delayed messages to their queue now, by their ids", fleet.DelayRun),
		p.delaysChange("cancel", "Remove delayed messages, by their ids, without handling them", fleet.DelayCancel),
		p.delaysMigrate())
	return c
}

// delayed are the flags that choose a parking queue.
type delayedFlags struct {
	exchange      bool
	wait, timeout time.Duration
}

func (d *delayedFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&d.exchange, "exchange", false, "QUEUE is an exchange")
	f.DurationVar(&d.wait, "wait", gatherTime, "how long to listen for announcements")
	f.DurationVar(&d.timeout, "timeout", 10*time.Second, "how long to wait for the answers")
}

// parking returns the parking queue for an argument.
func (d *delayedFlags) parking(name string) string {
	if d.exchange {
		return topology.ExchangeParking(name)
	}
	return topology.ParkingQueue(name)
}

// consumers returns the processes that announce a parking queue. One of them holds its messages.
func consumers(all []fleet.Seen, parking string) (some []fleet.Seen, known []string) {
	for _, s := range all {
		for _, q := range s.Parking {
			known = append(known, strings.TrimSuffix(q.Queue, topology.ParkingQueue("")))
			if q.Queue == parking && !s.Missing {
				some = append(some, s)
			}
		}
	}
	return some, known
}

// ask sends a command to the processes that consume the parking queue of args[0].
func (d *delayedFlags) ask(ctx context.Context, w *watched, name string, commands ...fleet.Command) (replies [][]reply, err error) {
	parking := d.parking(name)
	to, known := consumers(w.gather(ctx, d.wait, never), parking)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(to) == 0 {
		return nil, fmt.Errorf("runner: no process that announces itself consumes %s%s", parking, didYouMean(name, known))
	}
	for _, c := range commands {
		c.Queue = parking
		all, err := sendAll(ctx, w, to, c, d.timeout)
		if err != nil {
			return nil, err
		}
		replies = append(replies, concerned(all))
	}
	return replies, nil
}

func (p *Program) delaysList() *cobra.Command {
	d, limit, offset := new(delayedFlags), 0, 0
	c := &cobra.Command{
		Use: "ls QUEUE", Short: "Show the delayed messages of a queue, the next one first", Args: exactly(1),
		Example: `  runner delays ls orders
  runner delays ls events --exchange --limit 200`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > fleet.MaxPage || offset < 0 {
				return usage(fmt.Errorf("runner: --limit is %d and --offset %d, want 1 to %d and 0 or more", limit, offset, fleet.MaxPage))
			}
			return p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error {
				replies, err := d.ask(ctx, w, args[0], fleet.Command{Name: fleet.DelayList, Offset: offset, Limit: limit})
				if err != nil {
					return err
				}
				counts, err := countWaiting(ctx, w.session, d.parking(args[0]))
				if err != nil {
					return err
				}
				return errors.Join(p.show(delayTable(replies[0], counts, time.Now())), failures(replies[0]))
			})
		},
	}
	d.flags(c)
	c.Flags().IntVar(&limit, "limit", 50, "the highest number of messages to show")
	c.Flags().IntVar(&offset, "offset", 0, "number of messages to leave out at the beginning")
	return c
}

// waitingCounts counts the messages that no process holds.
type waitingCounts struct{ ready, levels int }

// countWaiting counts the messages that wait in a parking queue and in the levels.
func countWaiting(ctx context.Context, s *amqp.Session, parking string) (c waitingCounts, err error) {
	state, err := s.State(ctx, parking)
	if err != nil && !errors.Is(err, amqp.ErrNoQueue) {
		return c, err
	}
	c.ready = state.Messages
	for level := topology.ShortestLevel; level <= topology.LongestLevel; level *= 2 {
		state, err := s.State(ctx, topology.LevelName(level))
		if err != nil && !errors.Is(err, amqp.ErrNoQueue) {
			return c, err
		}
		c.levels += state.Messages
	}
	return c, nil
}

func delayTable(all []reply, counts waitingCounts, now time.Time) result {
	r := result{header: []string{"MESSAGE", "DUE", "EXCHANGE", "KEY", "ATTEMPT", "BYTES", "WAITS FOR"}}
	held, flying := 0, 0
	var messages []fleet.Delayed
	for _, one := range all {
		if one.answer != nil && one.answer.Delays != nil {
			held, flying = held+one.answer.Delays.Held, flying+one.answer.Delays.Flying
			messages = append(messages, one.answer.Delays.Messages...)
		}
	}
	slices.SortStableFunc(messages, func(a, b fleet.Delayed) int { return cmp.Compare(a.Due.UnixNano(), b.Due.UnixNano()) })
	for _, m := range messages {
		r.rows = append(r.rows, []string{m.ID, timeOf(m.Due, now), m.Exchange, m.Key, strconv.Itoa(m.Attempt), strconv.Itoa(m.Bytes), waitsFor(m.For)})
		r.values = append(r.values, m)
	}
	r.note = fmt.Sprintf("%d of %d messages that a process holds. %d more are being published, %d wait in the parking queue, and %d wait in the levels of all queues, where they cannot be listed.",
		len(messages), held, flying, counts.ready, counts.levels)
	return r
}

func waitsFor(what string) string {
	switch what {
	case "target":
		return "its queue, which refuses messages"
	case "level":
		return "a level"
	}
	return "its due time"
}

func (p *Program) delaysShow() *cobra.Command {
	d := new(delayedFlags)
	c := &cobra.Command{
		Use: "show QUEUE MESSAGE", Short: "Show a delayed message with its headers and the beginning of its body", Args: exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error {
				replies, err := d.ask(ctx, w, args[0], fleet.Command{Name: fleet.DelayShow, ID: args[1]})
				if err != nil {
					return err
				}
				for _, r := range replies[0] {
					if r.answer != nil && r.answer.Delayed != nil {
						return p.showDelayed(*r.answer.Delayed, time.Now())
					}
				}
				return failures(replies[0])
			})
		},
	}
	d.flags(c)
	return c
}

func (p *Program) showDelayed(m fleet.Delayed, now time.Time) error {
	if p.settings.format != "table" {
		return p.show(result{values: []any{m}, single: true})
	}
	r := result{rows: [][]string{
		{"message", m.ID}, {"due", timeOf(m.Due, now)}, {"exchange", m.Exchange}, {"key", m.Key}, {"attempt", strconv.Itoa(m.Attempt)}, {"waits for", waitsFor(m.For)},
	}}
	names := make([]string, 0, len(m.Headers))
	for name := range m.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.rows = append(r.rows, []string{name, fmt.Sprint(m.Headers[name])})
	}
	body := fmt.Sprintf("body, %d bytes:", m.Bytes)
	if m.Clipped {
		body = fmt.Sprintf("the first %d of %d bytes of the body:", len(m.Body), m.Bytes)
	}
	r.note = body + "\n" + printable.Text(string(m.Body))
	return p.show(r)
}

// delaysChange returns a command that changes messages by their ids.
func (p *Program) delaysChange(name, summary, command string) *cobra.Command {
	d := new(delayedFlags)
	c := &cobra.Command{
		Use: name + " QUEUE MESSAGE…", Short: summary, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(errors.New("runner: want " + cmd.UseLine()))
			}
			var commands []fleet.Command
			for _, id := range args[1:] {
				commands = append(commands, fleet.Command{Name: command, ID: id})
			}
			return p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error {
				replies, err := d.ask(ctx, w, args[0], commands...)
				if err != nil {
					return err
				}
				return p.showChanges(args[1:], replies)
			})
		},
	}
	d.flags(c)
	return c
}

// changed is the result for one message as JSON.
type changed struct {
	ID     string `json:"id"`
	Result string `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

func (p *Program) showChanges(ids []string, replies [][]reply) error {
	r := result{header: []string{"MESSAGE", "RESULT"}}
	outcomes := make([]reply, 0, len(ids))
	for i, id := range ids {
		one := replies[i][0]
		if done := slices.IndexFunc(replies[i], func(r reply) bool { return r.Error == "" }); done >= 0 {
			one = replies[i][done] // of the process that holds the message
		}
		outcomes = append(outcomes, one)
		r.values = append(r.values, changed{id, one.Result, one.Error})
		r.rows = append(r.rows, []string{id, cmp.Or(one.Result, "failed: "+one.Error)})
	}
	err := p.show(r)
	failed := slices.ContainsFunc(outcomes, func(r reply) bool { return r.Error == "" })
	if e := failures(outcomes); e != nil && failed {
		return errors.Join(err, &statusError{exitPartial, errors.New("runner: some messages were not changed")})
	} else if e != nil {
		return errors.Join(err, e)
	}
	return err
}
