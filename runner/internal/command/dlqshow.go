package command

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/bodies"
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

func (p *Program) dlqShow() *cobra.Command {
	var ch choice
	var limit int
	var keyFile string
	c := &cobra.Command{
		Use: "show QUEUE [ID]", Short: "Show dead letters, or one with its body, headers and history",
		Long: `Show dead letters in the order of the queue, or one with its body, headers and history.

If more than 2,048 dead letters were read before, commands that read a part of the queue
continue after those that the previous command has read. Reading the whole queue, as dlq
groups does, restores the order.

Compressed bodies are shown decompressed. A sealed body is shown as "sealed, key id X", and
opened if --key-file has its key.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exactly(1)(c, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			filter, err := ch.parse(false)
			if err != nil {
				return err
			}
			if filter.Limit == 0 {
				filter.Limit = limit
			}
			opener, err := openerOf(keyFile)
			if err != nil {
				return err
			}
			return p.withDeadLetters(cmd.Context(), func(client *deadletter.Client) error {
				return p.showDeadLetters(cmd.Context(), client, opener, filter, args)
			})
		},
	}
	ch.flags(c, false)
	c.Flags().IntVar(&limit, "limit", 20, "highest number of dead letters to show; 0 means all")
	c.Flags().StringVar(&keyFile, "key-file", "", "open sealed bodies with the keys in `FILE`, one \"ID SECRET\" a line")
	return c
}

// openerOf returns what opens the bodies, with the keys of a file if its name is not empty.
func openerOf(keyFile string) (*bodies.Opener, error) {
	if keyFile == "" {
		return bodies.NewOpener(nil), nil
	}
	keys, err := seal.ReadKeys(keyFile)
	if err != nil {
		return nil, usage(fmt.Errorf("runner: %w", err))
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		return nil, usage(fmt.Errorf("runner: %w", err))
	}
	return bodies.NewOpener(ring), nil
}

// showDeadLetters shows the dead letters of the queue args[0], or the one with the id args[1].
func (p *Program) showDeadLetters(ctx context.Context, client *deadletter.Client, opener *bodies.Opener, filter deadletter.Filter, args []string) error {
	queue, filter := p.deadLetters(args[0], filter)
	if len(args) == 2 {
		l, err := client.Find(ctx, queue, args[1])
		if err != nil {
			return err
		}
		return p.showDeadLetter(ctx, opener, l)
	}
	table := result{header: []string{"ID", "FAILED", "ATTEMPTS", "REASON", "KEY", "ERROR"}, empty: noDeadLetters}
	err := client.Read(ctx, queue, filter, func(l deadletter.DeadLetter) error {
		note := open(ctx, opener, &l)
		table.addDeadLetter(l, note, time.Now())
		return nil
	})
	if err != nil {
		return err
	}
	return p.show(table)
}

// open decodes the body of l. It returns a note if the body is sealed and stays closed; l then
// has no body.
func open(ctx context.Context, opener *bodies.Opener, l *deadletter.DeadLetter) (note string) {
	l.Message.Body, note = opener.Open(ctx, &l.Message)
	return note
}

func (r *result) addDeadLetter(l deadletter.DeadLetter, note string, now time.Time) {
	r.rows = append(r.rows, []string{
		l.ID, ago(l.FailedAt, now), count(int64(l.Attempts)), l.Reason, l.Message.RoutingKey, firstLine(l.Error, 80),
	})
	r.values = append(r.values, newDeadLetter(l, note))
}

// deadLetterRow is deadletter.DeadLetter as JSON.
type deadLetterRow struct {
	ID            string               `json:"id"`
	Queue         string               `json:"queue"`
	WorkQueue     string               `json:"work_queue,omitempty"`
	Exchange      string               `json:"exchange"`
	RoutingKey    string               `json:"routing_key"`
	ContentType   string               `json:"content_type,omitempty"`
	Encoding      string               `json:"content_encoding,omitempty"`
	Reason        string               `json:"reason"`
	Error         string               `json:"error,omitempty"`
	ErrorType     string               `json:"error_type,omitempty"`
	Fingerprint   string               `json:"fingerprint,omitempty"`
	Handler       string               `json:"handler,omitempty"`
	Host          string               `json:"host,omitempty"`
	Attempts      int                  `json:"attempts"`
	FirstFailedAt time.Time            `json:"first_failed_at,omitzero"`
	FailedAt      time.Time            `json:"failed_at,omitzero"`
	History       []deadletter.Attempt `json:"history,omitempty"`
	Stack         string               `json:"stack,omitempty"`
	ReplayedAt    time.Time            `json:"replayed_at,omitzero"`
	ReplayedBy    string               `json:"replayed_by,omitempty"`
	EditedFrom    string               `json:"edited_from,omitempty"`
	Headers       json.RawMessage      `json:"headers"`
	Body          json.RawMessage      `json:"body,omitempty"`        // if it is JSON
	Text          string               `json:"body_text,omitempty"`   // if it is text
	Bytes         []byte               `json:"body_base64,omitempty"` // if it is neither
	Sealed        string               `json:"body_sealed,omitempty"` // why there is no body, if it is sealed
	Malformed     []string             `json:"malformed,omitempty"`
}

func newDeadLetter(l deadletter.DeadLetter, note string) deadLetterRow {
	out := deadLetterRow{
		ID: l.ID, Queue: l.Queue, WorkQueue: l.WorkQueue, Exchange: l.Message.Exchange, RoutingKey: l.Message.RoutingKey,
		ContentType: l.Message.ContentType, Encoding: l.Message.ContentEncoding, Sealed: note, Reason: l.Reason, Error: l.Error, ErrorType: l.ErrorType,
		Fingerprint: l.Fingerprint, Handler: l.Handler, Host: l.Host, Attempts: l.Attempts,
		FirstFailedAt: l.FirstFailedAt, FailedAt: l.FailedAt, Stack: l.Stack, ReplayedAt: l.ReplayedAt,
		ReplayedBy: l.ReplayedBy, EditedFrom: l.EditedFrom, Malformed: l.Malformed, History: l.History,
	}
	headers, err := amqp.MarshalHeaders(userHeaders(l))
	if err == nil {
		out.Headers = headers
	}
	switch body := l.Message.Body; {
	case note != "":
	case json.Valid(body):
		out.Body = body
	case utf8.Valid(body):
		out.Text = string(body)
	default:
		out.Bytes = body
	}
	return out
}

// userHeaders returns the headers without the failure record, which has fields of its own.
func userHeaders(l deadletter.DeadLetter) map[string]any {
	headers := maps.Clone(l.Message.Headers)
	maps.DeleteFunc(headers, func(name string, _ any) bool { return record.IsRecord(name) })
	return headers
}

// showDeadLetter shows one dead letter in full.
func (p *Program) showDeadLetter(ctx context.Context, opener *bodies.Opener, l deadletter.DeadLetter) error {
	size := len(l.Message.Body)
	note := open(ctx, opener, &l)
	table := result{single: true}
	table.addDeadLetter(l, note, time.Now())
	if p.settings.format != "table" {
		return p.show(table)
	}
	_, err := io.WriteString(p.Stdout, describe(l, time.Now())+describeBody(&l.Message, size, note))
	return err
}

// describe returns a dead letter as text for people, without its body.
func describe(l deadletter.DeadLetter, now time.Time) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-13s %s\n", name+":", indented(value))
		}
	}
	field("id", l.ID)
	field("queue", l.Queue)
	field("published", fmt.Sprintf("exchange %q, routing key %q", l.Message.Exchange, l.Message.RoutingKey))
	field("reason", l.Reason)
	field("error", l.Error)
	field("error type", l.ErrorType)
	field("fingerprint", l.Fingerprint)
	field("attempts", count(int64(l.Attempts)))
	field("failed", ago(l.FailedAt, now))
	field("edited from", l.EditedFrom)
	if !l.ReplayedAt.IsZero() {
		field("replayed", ago(l.ReplayedAt, now)+" by "+l.ReplayedBy)
	}
	for _, fault := range l.Malformed {
		field("malformed", fault)
	}
	if len(l.History) > 0 {
		b.WriteString("\nhistory:\n")
	}
	for _, a := range l.History {
		fmt.Fprintf(&b, "  %d  %s  %s  %s\n", a.Number, a.At.Format(time.RFC3339), printable.Cell(a.Reason), firstLine(a.Error, 120))
	}
	if headers := userHeaders(l); len(headers) > 0 {
		b.WriteString("\nheaders:\n")
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			fmt.Fprintf(&b, "  %s: %s\n", printable.Cell(name), printable.Cell(fmt.Sprint(headers[name])))
		}
	}
	if l.Stack != "" {
		fmt.Fprintf(&b, "\nstack:\n%s\n", printable.Text(l.Stack))
	}
	return b.String()
}

// describeBody returns a body of size bytes, as it was published, as text for people. m has it
// decoded, unless note is set.
func describeBody(m *message.Message, size int, note string) string {
	text := printable.Text(note)
	if note == "" {
		text = body(m.Body)
	}
	return fmt.Sprintf("\nbody (%s, %d bytes):\n%s\n", kindOf(m), size, text)
}

// kindOf returns the content type and the content encoding, as text for people.
func kindOf(m *message.Message) string {
	kind := "of unknown type"
	if m.ContentType != "" {
		kind = printable.Cell(m.ContentType)
	}
	if m.ContentEncoding != "" {
		kind += ", " + printable.Cell(m.ContentEncoding)
	}
	return kind
}

// body returns the body as text. JSON is indented; a body that is not UTF-8 is in base64.
func body(data []byte) string {
	var inner bytes.Buffer
	switch {
	case json.Valid(data) && json.Indent(&inner, data, "", "  ") == nil:
		return printable.Text(inner.String())
	case utf8.Valid(data):
		return printable.Text(string(data))
	}
	return "base64: " + base64.StdEncoding.EncodeToString(data)
}

// indented returns the value of a field, with further lines indented so that they do not
// look like fields.
func indented(value string) string {
	return strings.ReplaceAll(printable.Text(value), "\n", "\n"+strings.Repeat(" ", 14))
}

// firstLine returns the beginning of text, on one line of at most n characters.
func firstLine(text string, n int) string {
	line := []rune(printable.Cell(strings.Join(strings.Fields(text), " ")))
	if len(line) > n {
		return string(line[:n-1]) + "…"
	}
	return string(line)
}
