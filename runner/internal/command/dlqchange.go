package command

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/runner/internal/printable"
)

func (p *Program) dlqReplay() *cobra.Command {
	var ch choice
	var r deadletter.Replay
	c := &cobra.Command{
		Use: "replay QUEUE", Short: "Send letters back to their work queue", Args: exactly(1),
		Long: `Send letters back to their own work queue, never to the exchange, with their attempts
counted anew. Only letters that are there at the moment of the command are replayed, and
each is removed once the broker has confirmed its message.

With --canary the first letters go ahead. Workers report on the first attempt of each: the
others follow as soon as all have succeeded, and the replay stops with status 1 at the
first that fails. --canary-wait bounds the wait. Without it the bound is how long a message
takes to fail for good by the queue's timeout and retry policy in the configuration, or 30s
if the queue is not there. Consumers that send no reports, such as older workers, are
waited for that long.`,
		Example: `  runner dlq replay welcome-email --group 5b1f0c9e2d7a4463 --canary 3 --rate 50
  runner dlq replay welcome-email --all --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.Filter, err = ch.parse(true); err != nil {
				return err
			}
			if r.Rate < 0 || r.Canary < 0 || r.CanaryWait < 0 {
				return usage(errors.New("runner: want a --rate, a --canary and a --canary-wait of 0 or more"))
			}
			if r.CanaryWait, err = p.canaryWait(r.CanaryWait, args[0]); err != nil {
				return err
			}
			return p.letters(cmd.Context(), func(client *deadletter.Client) error {
				bar := p.countLetters("replaying")
				r.Progress, r.OnCanary = bar.note, bar.noteCanary
				result, err := client.Replay(cmd.Context(), deadLetterQueue(args[0]), r)
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
	f.Float64Var(&r.Rate, "rate", 0, "letters a second; without limit if 0")
	f.BoolVar(&r.DryRun, "dry-run", false, "count what would be replayed, and replay nothing")
	f.IntVar(&r.Canary, "canary", 0, "send so many first, and the others if these are handled")
	f.DurationVar(&r.CanaryWait, "canary-wait", 0, "how long the first may take; by the queue's timeout and retries if 0")
	f.StringVar(&r.By, "by", "", "who does it; USER@HOST if empty")
}

func (p *Program) dlqDiscard() *cobra.Command {
	var ch choice
	var yes bool
	c := &cobra.Command{
		Use: "discard QUEUE", Short: "Remove letters, for good", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := ch.parse(true)
			if err != nil {
				return err
			}
			queue := deadLetterQueue(args[0])
			if err := p.confirm(yes, "remove letters from "+queue, queue); err != nil {
				return err
			}
			return p.letters(cmd.Context(), func(client *deadletter.Client) error {
				result, err := client.Discard(cmd.Context(), queue, filter, nil)
				return p.showResult("removed", result, err)
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
		Use: "purge QUEUE", Short: "Remove every letter, for good, at once", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			queue := deadLetterQueue(args[0])
			if err := p.confirm(yes, "remove every letter from "+queue, queue); err != nil {
				return err
			}
			return p.letters(cmd.Context(), func(client *deadletter.Client) error {
				n, err := client.Purge(cmd.Context(), queue)
				if err != nil {
					return err
				}
				return p.showResult("removed", deadletter.Result{Total: n, Done: n}, nil)
			})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// confirm has a person type the name of what is destroyed. Without a person --yes is
// needed.
func (p *Program) confirm(yes bool, what, name string) error {
	if yes {
		return nil
	}
	if !isTerminal(p.Stdin) || !isTerminal(p.Stderr) {
		return usage(fmt.Errorf("runner: to %s want --yes", what))
	}
	_, _ = fmt.Fprintf(p.Stderr, "This will %s. Type %s to go on: ", printable.Cell(what), printable.Cell(name)) // on a terminal
	typed, err := bufio.NewReader(p.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(typed) != name {
		return usage(errors.New("runner: not confirmed, and nothing was done"))
	}
	return nil
}

// letterCount shows how many letters are done.
type letterCount struct {
	program  *Program
	what     string
	progress progress
	begun    bool
	shown    int
}

func (p *Program) countLetters(what string) *letterCount { return &letterCount{program: p, what: what} }

// note shows r; one goroutine at a time calls it.
func (l *letterCount) note(r deadletter.Result) {
	if !l.begun {
		l.begun = true
		l.progress = l.program.progress(r.Total, l.what)
	}
	done := r.Done + r.Skipped + r.Newer + r.Failed
	l.progress.add(done - l.shown)
	l.shown = done
}

// showResult shows what was done, also beside an error.
func (p *Program) showResult(verb string, r deadletter.Result, err error) error {
	told := []string{fmt.Sprintf("%d %s", r.Done, verb)}
	for _, rest := range []struct {
		n    int
		what string
	}{{r.Skipped, "not chosen"}, {r.Newer, "newer than the command"}, {r.Failed, "failed"}} {
		if rest.n > 0 {
			told = append(told, fmt.Sprintf("%d %s", rest.n, rest.what))
		}
	}
	row := strings.Join(told, ", ")
	shown := p.show(result{rows: [][]string{{row}}, values: []any{r}, single: true})
	if err != nil && r.Done > 0 && !errors.Is(err, deadletter.ErrCanary) {
		err = &statusError{exitPartial, err}
	}
	return errors.Join(err, shown)
}
