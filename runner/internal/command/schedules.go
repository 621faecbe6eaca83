package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/schedule"
)

func (p *Program) schedulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "schedules", Short: "Show the schedules: the leader, the last ticks and the next ones", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load(false)
			if err != nil {
				return err
			}
			b, err := p.broker(cmd.Context(), c)
			if err != nil {
				return err
			}
			state, err := schedule.Read(cmd.Context(), b, c.Scheduler.Name)
			if err != nil {
				return err
			}
			return p.show(scheduleTable(state, time.Now()))
		},
	}
	c.AddCommand(p.scheduleRunNow())
	return c
}

func (p *Program) scheduleRunNow() *cobra.Command {
	wait, timeout := gatherTime, 10*time.Second
	c := &cobra.Command{
		Use: "run-now NAME", Short: "Publish the message of a schedule now, once, apart from its ticks", Args: exactly(1),
		Long: `Publish the message of the schedule NAME now. The leader publishes it, as its own configuration
has it, with the id NAME/TIME/run-now. The next tick is published as usual.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load(false)
			if err != nil {
				return err
			}
			return p.withFleetOf(cmd.Context(), c, func(ctx context.Context, w *watched) error {
				leads := func(all []fleet.Seen) bool { return len(leaders(all, c.Scheduler.Name)) > 0 }
				to := leaders(w.gather(ctx, wait, leads), c.Scheduler.Name)
				switch {
				case ctx.Err() != nil:
					return context.Cause(ctx)
				case len(to) == 0:
					return fmt.Errorf("runner: no process announces that it leads the schedules of group %s: see runner fleet ls", c.Scheduler.Name)
				}
				replies, err := sendAll(ctx, w, to[:1], fleet.Command{Name: fleet.ScheduleRun, Group: c.Scheduler.Name, Schedule: args[0]}, timeout)
				if err != nil {
					return err
				}
				return errors.Join(p.show(replyTable(replies)), failures(replies))
			})
		},
	}
	c.Flags().DurationVar(&wait, "wait", wait, "how long to listen for announcements")
	c.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for the answer")
	return c
}

// leaders returns the processes that announce that they lead the group of schedulers.
func leaders(all []fleet.Seen, group string) (some []fleet.Seen) {
	for _, s := range all {
		if !s.Missing && s.Schedules != nil && s.Schedules.Group == group && s.Schedules.Role == schedule.RoleLeader {
			some = append(some, s)
		}
	}
	return some
}

func scheduleTable(s schedule.State, now time.Time) result {
	r := result{
		header: []string{"SCHEDULE", "CRON", "TIMEZONE", "LAST", "NEXT", "NOTE"}, values: []any{s}, single: true,
		empty: "There are no schedules.", note: "The leader is " + s.Leader + ". It last stored its state " + ago(s.UpdatedAt, now) + ".",
	}
	for _, e := range s.Entries {
		note := e.Error
		if note == "" && !e.MissedLast.IsZero() {
			note = "last missed tick: " + ago(e.MissedLast, now)
		}
		r.rows = append(r.rows, []string{e.Name, e.Cron, e.Timezone, ago(e.Last, now), ago(e.Next, now), note})
	}
	return r
}

// ago returns how long ago t was, or in how long it is; "-" if t is zero.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "-"
	case d < 0:
		return "in " + rounded(-d)
	default:
		return rounded(d) + " ago"
	}
}

// rounded returns d rounded for people.
func rounded(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return config.Duration(d.Round(time.Second)).String()
	case d < 48*time.Hour:
		return config.Duration(d.Round(time.Minute)).String()
	}
	return count(int64(d.Round(24*time.Hour)/(24*time.Hour))) + " days"
}
