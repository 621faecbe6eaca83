package command

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/engine"
)

// oneRunner begins the help of the commands that have a counterpart for all processes.
const oneRunner = `The command reaches the one process that listens at admin.listen of the configuration. For
all processes of the virtual host, use runner fleet `

func (p *Program) pauseCommand() *cobra.Command {
	return p.control(&cobra.Command{
		Use: "pause QUEUE", Short: "Stop consuming a queue in the process at admin.listen", Args: exactly(1), Long: oneRunner + "pause.",
	}, func(ctx context.Context, c admin.Client, args []string) (engine.Status, error) {
		return c.Pause(ctx, args[0])
	})
}

func (p *Program) resumeCommand() *cobra.Command {
	return p.control(&cobra.Command{
		Use: "resume QUEUE", Short: "Start consuming a paused queue again in the process at admin.listen", Args: exactly(1), Long: oneRunner + "resume.",
	}, func(ctx context.Context, c admin.Client, args []string) (engine.Status, error) {
		return c.Resume(ctx, args[0])
	})
}

func (p *Program) scaleCommand() *cobra.Command {
	return p.control(&cobra.Command{
		Use: "scale QUEUE N", Short: "Set how many messages of a queue the process at admin.listen handles at the same time", Args: exactly(2), Long: oneRunner + "scale.",
	}, func(ctx context.Context, c admin.Client, args []string) (engine.Status, error) {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return engine.Status{}, usage(fmt.Errorf("runner: N is %q, want a number of 1 or more", args[1]))
		}
		return c.Scale(ctx, args[0], n)
	})
}

// control sets up c to send a request to the running runner and to show its state after it.
func (p *Program) control(c *cobra.Command, do func(context.Context, admin.Client, []string) (engine.Status, error)) *cobra.Command {
	c.RunE = func(cmd *cobra.Command, args []string) error {
		conf, err := p.load(false)
		if err != nil {
			return err
		}
		client, err := p.client(conf)
		if err != nil {
			return err
		}
		status, err := do(cmd.Context(), client, args)
		if err != nil {
			return err
		}
		return p.show(workerTable(status))
	}
	return c
}

// workerTable shows the state of a runner's queues.
func workerTable(s engine.Status) result {
	r := result{header: []string{"QUEUE", "STATE", "IN HAND", "CONCURRENCY", "ACKED", "RETRIED", "DEAD", "NOTE"}, empty: "The runner has no queues."}
	for _, q := range s.Queues {
		note := q.Error
		if q.Concurrency != q.Configured {
			note = fmt.Sprintf("configured: %d", q.Configured)
		}
		r.rows = append(r.rows, []string{
			q.Name, q.State, strconv.Itoa(q.InHand), strconv.Itoa(q.Concurrency),
			count(q.Acked), count(q.Retried), count(q.DeadLetters), note,
		})
		r.values = append(r.values, q)
	}
	return r
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// exactly requires n arguments.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(errors.New("runner: want " + c.UseLine()))
		}
		return nil
	}
}

func (p *Program) workersCommand() *cobra.Command {
	return p.control(&cobra.Command{
		Use: "workers", Short: "Show the queues of the process at admin.listen and their counts", Args: exactly(0), Long: oneRunner + "ls.",
	}, func(ctx context.Context, c admin.Client, _ []string) (engine.Status, error) { return c.Status(ctx) })
}
