package command

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/schedule"
)

func (p *Program) schedulesCommand() *cobra.Command {
	return &cobra.Command{
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
