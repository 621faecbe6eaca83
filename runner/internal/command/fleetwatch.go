package command

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/printable"
)

func (p *Program) fleetWatch() *cobra.Command {
	var interval time.Duration
	var times int
	c := &cobra.Command{
		Use: "watch", Short: "Show the processes repeatedly, and commands as they are executed, until Ctrl-C", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < 100*time.Millisecond {
				return usage(fmt.Errorf("runner: --interval is %v, want 100ms or more", interval))
			}
			err := p.withFleet(cmd.Context(), func(ctx context.Context, w *watched) error { return p.watchFleet(ctx, w, interval, times) })
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // Ctrl-C is the normal end
			}
			return err
		},
	}
	c.Flags().DurationVar(&interval, "interval", fleet.Interval, "time between updates")
	c.Flags().IntVar(&times, "times", 0, "number of updates; 0 means no limit")
	return c
}

func (p *Program) watchFleet(ctx context.Context, w *watched, interval time.Duration, times int) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if isTerminal(p.Stdout) {
			if _, err := fmt.Fprint(p.Stdout, "\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		now := time.Now()
		if err := p.show(fleetTable(w.listener.Processes(now), now)); err != nil {
			return err
		}
		for _, s := range w.listener.Executed() {
			p.hintf("%s", executedLine(s))
		}
		if n == times {
			return nil
		}
	}
}

// executedLine describes a command that a process has received.
func executedLine(s fleet.Seen) string {
	e := s.Executed
	c := e.Command
	what := strings.Join(strings.Fields(strings.Join([]string{c.Name, c.Queue, c.ID, c.Level, c.Verdict}, " ")), " ")
	return printable.Cell(fmt.Sprintf("%s  process %s: user %q sent %q: %s", s.Received.UTC().Format(time.TimeOnly), short(s.Process.ID), e.By, what, cmp.Or(e.Error, e.Result)))
}
