package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/runner/internal/admin"
)

func (p *Program) dlqNotes() *cobra.Command {
	return &cobra.Command{
		Use: "notes QUEUE", Short: "Show the notes of operators on dead letters", Args: exactly(1),
		Long: `Show the notes of operators on the dead letters of a work queue, the newest first. The
console of a running runner keeps them, in memory or in the file admin.console_notes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, path, err := p.consoleOf(args[0])
			if err != nil {
				return err
			}
			notes, err := client.Notes(cmd.Context(), path+"/notes")
			if err != nil {
				return err
			}
			return p.show(noteTable(notes))
		},
	}
}

func (p *Program) dlqNote() *cobra.Command {
	var note admin.Note
	var remove bool
	c := &cobra.Command{
		Use: "note QUEUE [TEXT]", Short: "Write a note on a group of dead letters, or on one", Args: cobra.RangeArgs(1, 2),
		Long: `Write a note on a group of dead letters of a work queue, or on one of them, for other
operators. It replaces the note that is there. The console of a running runner keeps it,
and admin.console must be "full".`,
		Example: `  runner dlq note welcome-email --group 5b1f0c9e2d7a4463 "the provider fixes this on Friday, replay on Monday"
  runner dlq note welcome-email --group 5b1f0c9e2d7a4463 --remove`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (note.Group == "") == (note.ID == "") {
				return usage(errors.New("runner: want one of --group and --id"))
			}
			if remove == (len(args) == 2) {
				return usage(errors.New("runner: want a text, or --remove"))
			}
			note.Text = append(args, "")[1]
			return p.writeNote(cmd.Context(), args[0], note)
		},
	}
	c.Flags().StringVar(&note.Group, "group", "", "the fingerprint of the group")
	c.Flags().StringVar(&note.ID, "id", "", "the id of the message")
	c.Flags().BoolVar(&remove, "remove", false, "remove the note")
	return c
}

func (p *Program) writeNote(ctx context.Context, queue string, note admin.Note) error {
	client, path, err := p.consoleOf(queue)
	if err != nil {
		return err
	}
	text, err := client.Note(ctx, path+"/note", note)
	if err != nil {
		return err
	}
	return p.show(result{empty: text})
}

// consoleOf returns the running runner, and the path of the dead letters of a queue in the API
// of its console.
func (p *Program) consoleOf(queue string) (client admin.Client, path string, err error) {
	c, err := p.load(false)
	if err != nil {
		return client, "", err
	}
	name := p.settings.broker
	if name != "" && !plainName.MatchString(name) {
		return client, "", usage(fmt.Errorf("runner: the console of broker %q has no address of that name; use the console itself", name))
	}
	client, err = p.client(c)
	return client, linkTo(name, 0).Path + "api/deadletters/" + url.PathEscape(queue), err
}

// noteTable shows notes.
func noteTable(notes []console.Note) result {
	r := result{header: []string{"GROUP", "MESSAGE", "WRITTEN", "BY", "NOTE"}, empty: "There are no notes."}
	for _, n := range notes {
		r.rows = append(r.rows, []string{n.Group, n.ID, n.At.Format(time.RFC3339), n.By, n.Text})
		r.values = append(r.values, n)
	}
	return r
}
