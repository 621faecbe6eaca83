package command

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/printable"
)

func (p *Program) dlqReplay() *cobra.Command {
	ch, r := choice{}, deadletter.Replay{}
	c := &cobra.Command{
		Use: "replay QUEUE", Short: "Replay dead letters to their work queue", Args: exactly(1),
		Long: `Publish dead letters to their own work queue, not to the exchange. Their attempts are
counted from 1 again. Dead letters that arrive after the start of the command stay. Each
dead letter is removed once the broker has confirmed its message.

With --canary, the first dead letters are replayed before the others. Workers report the
first attempt of each. As soon as all have succeeded, the others follow. At the first one
that fails, the replay stops with status 1. --canary-wait is how long to wait for these
reports. The default is how long a message takes to be dead-lettered, according to the
queue's timeout and retry policy in the configuration, or 30s if the configuration does not
have the queue. For consumers that send no reports, such as older workers, the replay waits
that long.`,
		Example: `  runner dlq replay welcome-email --group 5b1f0c9e2d7a4463 --canary 3 --rate 50
  runner dlq replay welcome-email --all --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.Filter, err = ch.parse(true); err != nil {
				return err
			}
			if r.Rate < 0 || r.Canary < 0 || r.CanaryWait < 0 {
				return usage(errors.New("runner: --rate, --canary or --canary-wait is negative, want 0 or more"))
			}
			if r.CanaryWait, err = p.canaryWait(r.CanaryWait, args[0]); err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				bar := p.countDeadLetters("replaying")
				r.Progress, r.OnCanary = bar.note, bar.noteCanary
				var queue string
				queue, r.Filter = p.deadLetters(args[0], r.Filter)
				result, err := client.Replay(cmd.Context(), queue, r)
				bar.progress.end()
				return p.showResult(replayVerb(r), result, err)
			})
		},
	}
	ch.flags(c, true)
	replayFlags(c, &r)
	return c
}

func replayVerb(r deadletter.Replay) string {
	if r.DryRun {
		return "would be replayed"
	}
	return "replayed"
}

func replayFlags(c *cobra.Command, r *deadletter.Replay) {
	f := c.Flags()
	f.Float64Var(&r.Rate, "rate", 0, "messages a second; 0 means no limit")
	f.BoolVar(&r.DryRun, "dry-run", false, "count the dead letters that would be replayed, and replay none")
	f.IntVar(&r.Canary, "canary", 0, "replay this many first, and the others after these have succeeded")
	f.DurationVar(&r.CanaryWait, "canary-wait", 0, "how long to wait for the canaries; 0 means a time from the queue's timeout and retries")
	f.StringVar(&r.By, "by", "", "your name, for the record; empty means USER@HOST")
}

func (p *Program) dlqDiscard() *cobra.Command {
	var ch choice
	var yes bool
	c := &cobra.Command{
		Use: "discard QUEUE", Short: "Remove dead letters permanently", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := ch.parse(true)
			if err != nil {
				return err
			}
			queue, filter := p.deadLetters(args[0], filter)
			if err := p.confirm(yes, "remove dead letters from "+queue, queue); err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				result, err := client.Discard(cmd.Context(), queue, filter, nil)
				return p.showResult("removed from "+queue, result, err)
			})
		},
	}
	ch.flags(c, true)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (p *Program) dlqPurge() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "purge QUEUE", Short: "Remove all dead letters of a queue permanently", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			queue := p.deadLetterQueue(args[0])
			if n := p.sharers(args[0]); n > 1 {
				return usage(fmt.Errorf("runner: purge %s: %d work queues share the dead-letter queue %s: name it to remove the dead letters of all, or use runner dlq discard %s --all",
					args[0], n, queue, quoted(args[0])))
			}
			if err := p.confirm(yes, "remove all dead letters from "+queue, queue); err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				n, err := client.Purge(cmd.Context(), queue)
				if err != nil {
					return err
				}
				return p.showResult("removed from "+queue, deadletter.Result{Total: n, Done: n}, nil)
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// confirm asks the user to type the name of the queue. If there is no terminal, --yes is
// required.
func (p *Program) confirm(yes bool, what, name string) error {
	if yes {
		return nil
	}
	if !isTerminal(p.Stdin) || !isTerminal(p.Stderr) {
		return usage(fmt.Errorf("runner: cannot ask for confirmation without a terminal: to %s, add --yes", what))
	}
	_, _ = fmt.Fprintf(p.Stderr, "This will %s. Type %s to continue: ", printable.Cell(what), printable.Cell(name)) // on a terminal
	typed, err := bufio.NewReader(p.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(typed) != name {
		return usage(errors.New("runner: not confirmed, and nothing was done"))
	}
	return nil
}

// deadLetterCount shows the progress of a replay.
type deadLetterCount struct {
	program  *Program
	what     string
	progress progress
	begun    bool
	shown    int
}

func (p *Program) countDeadLetters(what string) *deadLetterCount {
	return &deadLetterCount{program: p, what: what}
}

// note shows r. It is called by one goroutine at a time.
func (l *deadLetterCount) note(r deadletter.Result) {
	if !l.begun {
		l.begun = true
		l.progress = l.program.progress(r.Total, l.what)
	}
	done := r.Done + r.Skipped + r.Newer + r.Failed
	l.progress.add(done - l.shown)
	l.shown = done
}

// showResult shows the result, also if there is an error.
func (p *Program) showResult(verb string, r deadletter.Result, err error) error {
	counts := []string{fmt.Sprintf("%d %s", r.Done, verb)}
	for _, rest := range []struct {
		n    int
		what string
	}{{r.Skipped, "not selected"}, {r.Newer, "newer than the command"}, {r.Failed, "failed"}} {
		if rest.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", rest.n, rest.what))
		}
	}
	row := strings.Join(counts, ", ")
	shown := p.show(result{rows: [][]string{{row}}, values: []any{r}, single: true})
	if err != nil && r.Done > 0 && !errors.Is(err, deadletter.ErrCanary) {
		err = &statusError{exitPartial, err}
	}
	return errors.Join(err, shown)
}
