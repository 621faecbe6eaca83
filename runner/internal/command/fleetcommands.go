package command

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/amqp/fleet"
)

func (p *Program) fleetPause() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "pause QUEUE", Short: "Stop consuming a queue until resume", Args: exactly(1),
		Long: `Stop consuming a queue in the chosen processes until resume, or until a process ends.
Running handlers finish.`,
		Example: `  runner fleet pause orders --everywhere
  runner fleet pause orders --process 4KQ2`,
	}, new(targets), func(args []string) (fleet.Command, error) {
		return fleet.Command{Name: fleet.Pause, Queue: args[0]}, nil
	}, replyTable)
}

func (p *Program) fleetResume() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "resume QUEUE", Short: "Start consuming a paused queue again", Args: exactly(1),
	}, new(targets), func(args []string) (fleet.Command, error) {
		return fleet.Command{Name: fleet.Resume, Queue: args[0]}, nil
	}, replyTable)
}

func (p *Program) fleetScale() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "scale QUEUE N", Short: "Set how many messages of a queue each process handles at the same time", Args: exactly(2),
	}, new(targets), func(args []string) (fleet.Command, error) {
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return fleet.Command{}, usage(fmt.Errorf("runner: N is %q, want a number of 1 or more", args[1]))
		}
		return fleet.Command{Name: fleet.Scale, Queue: args[0], Concurrency: n}, nil
	}, replyTable)
}

func (p *Program) fleetCancel() *cobra.Command {
	verdict := ""
	c := &cobra.Command{
		Use: "cancel MESSAGE", Short: "Cancel a message in hand, by its id", Args: exactly(1),
		Long: `Cancel the message in hand with the id MESSAGE. The context of its handler ends. Once the
handler returns an error, the message is retried or dead-lettered, as --verdict says. If
the handler returns no error, the message is done. A handler that ignores its context
continues: see runner fleet stacks.`,
		Example: `  runner fleet ls --in-hand
  runner fleet cancel 01J8ZQ --verdict dead-letter`,
	}
	c.Flags().StringVar(&verdict, "verdict", "", "retry or dead-letter (required)")
	return p.fleetControl(c, &targets{optional: true}, func(args []string) (fleet.Command, error) {
		if !slices.Contains([]string{fleet.VerdictRetry, fleet.VerdictDeadLetter}, verdict) {
			return fleet.Command{}, usage(fmt.Errorf("runner: --verdict is %q, want %s or %s", verdict, fleet.VerdictRetry, fleet.VerdictDeadLetter))
		}
		if args[0] == "" {
			return fleet.Command{}, usage(errors.New("runner: MESSAGE is empty, want the id of a message"))
		}
		return fleet.Command{Name: fleet.Cancel, ID: args[0], Verdict: verdict}, nil
	}, replyTable)
}

func (p *Program) fleetStacks() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "stacks [MESSAGE]", Short: "Show the stacks of handlers, to see where one hangs", Args: cobra.MaximumNArgs(1),
		Long: `Show the stack of the goroutine that handles the message with the id MESSAGE, or of all
messages in hand, at most 64 of each process. A process stops for the time that it takes to
read the stacks, usually a few milliseconds.`,
	}, &targets{optional: true}, func(args []string) (fleet.Command, error) {
		return fleet.Command{Name: fleet.Stacks, ID: strings.Join(args, "")}, nil
	}, stackTable)
}

// heldStack is a stack as JSON.
type heldStack struct {
	held
	Stack string `json:"stack"`
}

func stackTable(all []reply) result {
	r := result{empty: "No messages are in hand."}
	for _, one := range all {
		if one.answer == nil {
			continue
		}
		for _, s := range one.answer.Stacks {
			r.rows = append(r.rows, []string{fmt.Sprintf("message %s of %s, key %s, attempt %d, in hand for %s, in process %s on %s:",
				s.ID, s.Queue, s.Key, s.Attempt, age(s.InHand), short(one.Process), one.Host)})
			for line := range strings.Lines(s.Stack) {
				r.rows = append(r.rows, []string{"  " + strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")})
			}
			r.values = append(r.values, heldStack{held{one.Process, one.Host, s.InHand}, s.Stack})
		}
	}
	return r
}

func (p *Program) fleetDrain() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "drain", Short: "Make processes drain and end", Args: exactly(0),
		Long: `Make the chosen processes drain and end, as SIGTERM does. A supervisor may start them
again.`,
	}, new(targets), func([]string) (fleet.Command, error) {
		return fleet.Command{Name: fleet.Drain}, nil
	}, replyTable)
}

func (p *Program) fleetLogLevel() *cobra.Command {
	return p.fleetControl(&cobra.Command{
		Use: "log-level LEVEL", Short: "Set the log level: debug, info, warn or error", Args: exactly(1),
		Long: `Set the log level of the chosen processes: debug, info, warn or error. It applies until a
process ends, or a reload changes log.level.`,
	}, new(targets), func(args []string) (fleet.Command, error) {
		levels := []string{"debug", "info", "warn", "error"}
		if !slices.Contains(levels, args[0]) {
			return fleet.Command{}, usage(fmt.Errorf("runner: LEVEL is %q, want debug, info, warn or error%s", args[0], didYouMean(args[0], levels)))
		}
		return fleet.Command{Name: fleet.LogLevel, Level: args[0]}, nil
	}, replyTable)
}

// timeOf formats a time for people, with how long it is until then.
func timeOf(t, now time.Time) string {
	return t.UTC().Format(time.RFC3339) + " (" + ago(t, now) + ")"
}
