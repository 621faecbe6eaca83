package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// notesPage is the data of the notes about a queue's dead letters.
type notesPage struct {
	Work  string `json:"work_queue"`
	Notes []Note `json:"notes"`
	// Lasting reports whether the notes outlive the process.
	Lasting bool `json:"lasting"`
}

func (c *Console) showNotes(r *http.Request) (any, error) {
	queue, _, err := c.work(r)
	if err != nil {
		return nil, err
	}
	return c.notesAbout(queue), nil
}

func (c *Console) notesAbout(queue string) notesPage {
	all := c.config.Notes.of(c.config.Path, queue)
	slices.Reverse(all) // the newest first
	return notesPage{Work: queue, Notes: all, Lasting: c.config.Notes.file != ""}
}

// Group returns the note about a group, or nil, for the templates.
func (p notesPage) Group(fingerprint string) *Note { return p.find(Note{Group: fingerprint}) }

// Message returns the note about a message, or nil, for the templates.
func (p notesPage) Message(id string) *Note { return p.find(Note{ID: id}) }

func (p notesPage) find(about Note) *Note {
	for i, n := range p.Notes {
		if n.Group == about.Group && n.ID == about.ID {
			return &p.Notes[i]
		}
	}
	return nil
}

// note keeps, replaces or removes a note. The form of a page sends a group, an id and which of
// them is meant; a program sends one of them.
func (c *Console) note(r *http.Request, v values) (outcome, error) {
	queue, _, err := c.work(r)
	if err != nil {
		return outcome{}, err
	}
	note := Note{
		Console: c.config.Path, Queue: queue, Group: v["group"], ID: v["id"],
		Text: strings.TrimSpace(unixLines(v["text"])), By: visitorOf(r).User, At: time.Now().UTC().Truncate(time.Second),
	}
	switch v["about"] {
	case "group":
		note.ID = ""
	case "message":
		note.Group = ""
	}
	if err := note.check(); err != nil {
		return outcome{}, invalid(err)
	}
	if err := c.config.Notes.put(note); err != nil {
		return outcome{}, &statusError{http.StatusInsufficientStorage, err}
	}
	what := "The note is kept."
	if note.Text == "" {
		what = "The note is removed."
	}
	return outcome{Text: what, Page: cmp.Or(v["back"], pageOf("deadletters", queue))}, nil
}

// maxAbout is how many bytes the id or the fingerprint of a note may have; AMQP allows 255.
const maxAbout = 255

func (n Note) check() error {
	switch {
	case (n.Group == "") == (n.ID == ""):
		return errors.New("console: note: want a group or an id, and not both")
	case len(n.Group)+len(n.ID) > maxAbout:
		return fmt.Errorf("console: note: the group or the id has %d bytes, want at most %d", len(n.Group)+len(n.ID), maxAbout)
	case len(n.Text) > maxNote:
		return fmt.Errorf("console: note: the text has %d bytes (%d characters), want at most %d bytes", len(n.Text), utf8.RuneCountInString(n.Text), maxNote)
	}
	return nil
}
