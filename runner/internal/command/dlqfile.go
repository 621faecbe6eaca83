package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/bodies"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

func (p *Program) dlqExport() *cobra.Command {
	var ch choice
	c := &cobra.Command{
		Use: "export QUEUE", Short: "Write dead letters to stdout as JSON Lines, without removing them", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := ch.parse(false)
			if err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				out := bufio.NewWriter(p.Stdout)
				queue, filter := p.deadLetters(args[0], filter)
				n, err := client.Export(cmd.Context(), queue, filter, out)
				if err := errors.Join(err, out.Flush()); err != nil {
					return err
				}
				p.hintf("dead letters: %d", n)
				return nil
			})
		},
	}
	ch.flags(c, false)
	return c
}

func (p *Program) dlqImport() *cobra.Command {
	var to deadletter.Import
	c := &cobra.Command{
		Use: "import FILE|-", Short: "Publish dead letters that export has written", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to.Queue != "" {
				to.Queue = p.deadLetterQueue(to.Queue)
			}
			in, done, err := p.open(args[0])
			if err != nil {
				return err
			}
			defer done()
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				result, err := client.Import(cmd.Context(), in, to)
				verb := "imported"
				if to.DryRun {
					verb = "would be imported"
				}
				return p.showResult(verb, result, err)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&to.Queue, "queue", "", "the `QUEUE` for all dead letters; empty means the queue that each came from")
	f.BoolVar(&to.Replay, "replay", false, "publish to the work queue instead of the dead-letter queue")
	f.BoolVar(&to.DryRun, "dry-run", false, "check every line, and import none")
	f.StringVar(&to.By, "by", "", "your name, for the record; empty means USER@HOST")
	return c
}

// open opens a file, or the standard input.
func (p *Program) open(name string) (in io.Reader, done func(), err error) {
	if name == "-" {
		return p.Stdin, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, usage(fmt.Errorf("runner: %w", err))
	}
	return f, func() { _ = f.Close() }, nil // the file was only read
}

func (p *Program) dlqEdit() *cobra.Command {
	var data, by string
	var headers, without []string
	c := &cobra.Command{
		Use: "edit QUEUE ID", Short: "Change a dead letter and replay it", Args: exactly(2),
		Long: `Change the body or the headers of a dead letter and publish it to its work queue, with a new
message id. The header warren-edited-from contains the old id. Without --data, --header and
--without, the body opens in $VISUAL or $EDITOR.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			queue := p.deadLetterQueue(args[0])
			e := deadletter.Edit{Check: p.bodyCheck(args[0], queue), By: by}
			var err error
			if e.Headers, err = edited(headers, without); err != nil {
				return usage(err)
			}
			if cmd.Flags().Changed("data") {
				if e.Body, err = readData(data, p.Stdin); err != nil {
					return err
				}
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				return p.edit(cmd.Context(), client, queue, args[1], e)
			})
		},
	}
	f := c.Flags()
	f.StringVarP(&data, "data", "d", "", "the new body: @`FILE`, - for the standard input, or the text itself")
	f.StringArrayVarP(&headers, "header", "H", nil, "set a header, as `NAME=VALUE`; may be repeated")
	f.StringArrayVar(&without, "without", nil, "remove the header `NAME`; may be repeated")
	f.StringVar(&by, "by", "", "your name, for the record; empty means USER@HOST")
	return c
}

// edit changes a dead letter, with the user's editor if e has no changes, and replays it.
func (p *Program) edit(ctx context.Context, client *deadletter.Client, queue, id string, e deadletter.Edit) error {
	if e.Body == nil && len(e.Headers) == 0 {
		l, err := client.Find(ctx, queue, id)
		if err != nil {
			return err
		}
		if note := open(ctx, bodies.NewOpener(nil), &l); note != "" {
			return usage(fmt.Errorf("runner: the body is %s, and cannot be edited; use runner dlq replay, or publish a new message", note))
		}
		if e.Body, err = p.editor(ctx, l.Message.Body); err != nil {
			return err
		}
	}
	newID, err := client.Edit(ctx, queue, id, e)
	if err != nil {
		return err
	}
	return p.show(result{rows: [][]string{{"replayed as " + newID}}, values: []any{map[string]string{"id": newID}}, single: true})
}

// edited returns the headers to set. A nil value removes the header.
func edited(set, without []string) (message.Headers, error) {
	headers := message.Headers{}
	for _, assignment := range set {
		name, value, err := cutHeader(assignment)
		if err != nil {
			return nil, err
		}
		headers[name] = value
	}
	for _, name := range without {
		if err := checkHeader(name); err != nil {
			return nil, err
		}
		headers[name] = nil
	}
	return headers, nil
}

// bodyCheck returns the check of an edited dead letter of a work queue or of its dead-letter
// queue.
func (p *Program) bodyCheck(name, dlq string) func(*message.Message) error {
	return func(m *message.Message) error {
		if err := checkBody(m); err != nil {
			return err
		}
		c, err := p.load(false)
		if err != nil {
			return err
		}
		of := slices.DeleteFunc(slices.Clone(c.Queues), func(q config.Queue) bool {
			return q.Name != name && (name != dlq || q.DeadLetterQueue() != dlq)
		})
		if len(of) != 1 { // several work queues share the dead-letter queue
			return nil
		}
		return wiring.CheckBody(c, of[0].Name, m)
	}
}

// checkBody returns an error if the content type is JSON and the body is not.
func checkBody(m *message.Message) error {
	if strings.HasPrefix(m.ContentType, "application/json") && !json.Valid(m.Body) {
		return usage(errors.New("runner: the content type is application/json, and the new body is not JSON"))
	}
	return nil
}

// editor opens a body in the user's editor and returns the changed body.
func (p *Program) editor(ctx context.Context, body []byte) ([]byte, error) {
	program := os.Getenv("VISUAL")
	if program == "" {
		program = os.Getenv("EDITOR")
	}
	if program == "" || !isTerminal(p.Stdin) {
		return nil, usage(errors.New("runner: want --data, --header or --without, or a terminal and $EDITOR"))
	}
	f, err := os.CreateTemp("", "letter-*.json")
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // if it stays, the system cleans its temporary folder
	_, err = f.Write(body)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	words := strings.Fields(program)
	edit := exec.CommandContext(ctx, words[0], append(words[1:], f.Name())...) //nolint:gosec // the user's own editor
	edit.Stdin, edit.Stdout, edit.Stderr = p.Stdin, p.Stdout, p.Stderr
	if err := edit.Run(); err != nil {
		return nil, fmt.Errorf("runner: %s: %w; nothing was changed", words[0], err)
	}
	changed, err := os.ReadFile(f.Name())
	switch {
	case err != nil:
		return nil, fmt.Errorf("runner: %w", err)
	case string(changed) == string(body):
		return nil, usage(errors.New("runner: the body was not changed"))
	}
	return changed, nil
}
