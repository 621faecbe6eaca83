package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
)

// deadLettersPage is the data of the list of dead-letter queues.
type deadLettersPage struct {
	Queues []queue `json:"queues"` // those with dead letters first
	Span   span    `json:"span"`
	Total  int     `json:"total"`
	Jobs   []job   `json:"jobs"` // that are running
}

func (c *Console) deadLetterQueues(r *http.Request) (any, error) {
	s := c.now.Load()
	p := deadLettersPage{Total: s.Total.DLQ, Jobs: c.jobs.busy("")}
	all := slices.DeleteFunc(slices.Clone(s.Queues), func(q queue) bool { return q.DLQ == "" })
	slices.SortStableFunc(all, func(a, b queue) int { return b.Dead - a.Dead })
	p.Queues, p.Span = paged(r, all)
	return p, nil
}

// busy returns the running jobs of a queue, or of all.
func (j *jobs) busy(queue string) []job {
	return slices.DeleteFunc(j.list(queue), func(one job) bool { return one.State != running })
}

// work returns the work queue of a request, and its dead-letter queue.
func (c *Console) work(r *http.Request) (queue, dlq string, err error) {
	queue = r.PathValue("queue")
	if !isQueue(queue) {
		return "", "", invalid(fmt.Errorf("console: %.40q is not the name of a work queue", queue))
	}
	s, t := c.now.Load(), c.config.Topology()
	if dlq = s.deadLetterQueue(t, queue); dlq == "" {
		return "", "", notFound(fmt.Errorf("console: the dead letters of queue %q are not kept in a queue that the console can read", line(queue)))
	}
	return queue, dlq, s.checkAnnounced(t, queue, dlq)
}

// lettersPage is the data of the pages that list the groups and the dead letters of a queue.
type lettersPage struct {
	*letters
	Work   string    `json:"work_queue"`
	DLQ    int       `json:"dead_letters"` // as the broker counts them
	Rows   []row     `json:"letters,omitempty"`
	Span   span      `json:"span"`
	Jobs   []job     `json:"jobs"`
	Filter string    `json:"filter"`
	Notes  notesPage `json:"-"`
	// Shared are the other work queues whose dead letters are in the same queue.
	Shared []string `json:"shared_with,omitempty"`
}

func (c *Console) lettersOf(r *http.Request) (*lettersPage, error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	filter := filterOf(query)
	s, err := c.sampleOf(r.Context(), dlq, filter, query.Get("fresh") != "")
	if err != nil {
		return nil, err
	}
	p := &lettersPage{letters: s, Work: queue, Filter: filter, Jobs: c.jobs.list(dlq), DLQ: s.Read, Notes: c.notesAbout(queue)}
	p.Jobs = p.Jobs[:min(len(p.Jobs), 5)]
	for _, q := range c.now.Load().Queues {
		if q.DLQ == dlq && q.Name != queue {
			p.Shared = append(p.Shared, line(q.Name))
		}
	}
	if q := c.now.Load().find(queue); q != nil {
		p.DLQ = max(q.Dead, s.Read)
	}
	return p, nil
}

// filterOf returns the filter of a request: its text, and a group or an id.
func filterOf(query url.Values) string {
	terms := strings.TrimSpace(query.Get("filter"))
	for _, one := range [][2]string{{"group", "fingerprint"}, {"id", "id"}} {
		if value := query.Get(one[0]); value != "" {
			f := deadletter.Filter{Fingerprint: value}
			if one[1] == "id" {
				f = deadletter.Filter{ID: value}
			}
			terms = strings.Trim(f.String()+","+terms, ",")
		}
	}
	return terms
}

func (c *Console) groups(r *http.Request) (any, error) {
	p, err := c.lettersOf(r)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *Console) letters(r *http.Request) (any, error) {
	p, err := c.lettersOf(r)
	if err != nil {
		return nil, err
	}
	p.Rows, p.Span = paged(r, p.rows)
	return p, nil
}

// letterPage is the data of the page of a dead letter.
type letterPage struct {
	Work          string               `json:"work_queue"`
	ID            string               `json:"id"`
	Queue         string               `json:"queue"`
	Exchange      string               `json:"exchange"`
	Key           string               `json:"routing_key"`
	ContentType   string               `json:"content_type,omitempty"`
	Encoding      string               `json:"content_encoding,omitempty"`
	Reason        string               `json:"reason"`
	Error         string               `json:"error,omitempty"`
	ErrorType     string               `json:"error_type,omitempty"`
	Fingerprint   string               `json:"fingerprint"`
	Handler       string               `json:"handler,omitempty"`
	Host          string               `json:"host,omitempty"`
	Attempts      int                  `json:"attempts"`
	FirstFailedAt time.Time            `json:"first_failed_at,omitzero"`
	FailedAt      time.Time            `json:"failed_at,omitzero"`
	History       []deadletter.Attempt `json:"history"`
	Stack         string               `json:"stack,omitempty"`
	ReplayedAt    time.Time            `json:"replayed_at,omitzero"`
	ReplayedBy    string               `json:"replayed_by,omitempty"`
	EditedFrom    string               `json:"edited_from,omitempty"`
	Malformed     []string             `json:"malformed,omitempty"`
	Headers       []header             `json:"headers"`
	Pretty        string               `json:"pretty,omitempty"`      // the body indented, if it is JSON
	Body          string               `json:"body,omitempty"`        // if it is text
	Bytes         []byte               `json:"body_base64,omitempty"` // if it is not
	Sealed        string               `json:"body_sealed,omitempty"` // why there is no body, if it is sealed
	Size          int                  `json:"bytes"`
	Clipped       bool                 `json:"clipped,omitempty"`
	Trace         string               `json:"trace,omitempty"` // id
	TraceURL      string               `json:"trace_url,omitempty"`
	GroupNote     *Note                `json:"group_note,omitempty"`
	Note          *Note                `json:"note,omitempty"`
	NotesLast     bool                 `json:"-"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// maxShown is how many bytes of a body a page shows.
const maxShown = 256 << 10

func (c *Console) letter(r *http.Request) (any, error) {
	queue, l, err := c.find(r, r.URL.Query().Get("id"))
	if err != nil {
		return nil, err
	}
	p := letterPage{
		Work: queue, ID: l.ID, Queue: l.Queue, Exchange: l.Message.Exchange, Key: l.Message.RoutingKey, ContentType: l.Message.ContentType,
		Reason: l.Reason, Error: l.Error, ErrorType: l.ErrorType, Fingerprint: l.Fingerprint, Handler: l.Handler, Host: l.Host,
		Attempts: l.Attempts, FirstFailedAt: l.FirstFailedAt, FailedAt: l.FailedAt, History: l.History, Stack: l.Stack,
		ReplayedAt: l.ReplayedAt, ReplayedBy: l.ReplayedBy, EditedFrom: l.EditedFrom, Malformed: l.Malformed, Size: len(l.Message.Body),
		Headers: headersOf(l),
	}
	p.Encoding = l.Message.ContentEncoding
	if body, note := c.bodies.Open(r.Context(), &l.Message); note != "" {
		p.Sealed = note
	} else {
		p.showBody(body)
	}
	p.Trace, p.TraceURL = c.trace(l)
	notes := c.notesAbout(queue)
	p.GroupNote, p.Note, p.NotesLast = notes.Group(l.Fingerprint), notes.Message(l.ID), notes.Lasting
	return p, nil
}

// find reads the dead letter with the id from the queue of a request.
func (c *Console) find(r *http.Request, id string) (queue string, l *deadletter.DeadLetter, err error) {
	queue, dlq, err := c.work(r)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), findTime, errSlowRead)
	defer cancel()
	unlock, err := c.reads.lock(ctx, dlq)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	found, err := c.client.Find(ctx, dlq, id)
	return queue, &found, err
}

// headersOf returns the headers without the failure record, which the page shows itself.
func headersOf(l *deadletter.DeadLetter) []header {
	all := []header{}
	for _, name := range slices.Sorted(maps.Keys(l.Message.Headers)) {
		if !record.IsRecord(name) {
			all = append(all, header{name, headerText(l.Message.Headers[name])})
		}
	}
	return all
}

func headerText(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []byte:
		if utf8.Valid(value) {
			return string(value)
		}
		return "base64: " + base64.StdEncoding.EncodeToString(value)
	case time.Time:
		return value.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(value)
}

func (p *letterPage) showBody(body []byte) {
	if p.Clipped = len(body) > maxShown; p.Clipped {
		body = []byte(strings.ToValidUTF8(string(body[:maxShown]), ""))
	}
	var inner bytes.Buffer
	switch {
	case json.Valid(body) && json.Indent(&inner, body, "", "  ") == nil:
		p.Pretty, p.Body = inner.String(), string(body)
	case utf8.Valid(body):
		p.Body = string(body)
	default:
		p.Bytes = body
	}
}

// trace returns the id of the trace of the last attempt, or of the publish, and its address.
func (c *Console) trace(l *deadletter.DeadLetter) (id, address string) {
	for _, name := range []string{record.HeaderTrace, "traceparent"} {
		sc := telemetry.SpanContext(l.Message.Headers.String(name))
		if !sc.HasTraceID() {
			continue
		}
		id = sc.TraceID().String()
		if c.config.TraceURL != "" {
			address = strings.ReplaceAll(c.config.TraceURL, "{trace}", id)
		}
		return id, address
	}
	return "", ""
}

// export sends dead letters as JSON Lines, which "runner dlq import" reads.
func (c *Console) export(w http.ResponseWriter, r *http.Request) {
	queue, dlq, err := c.work(r)
	if err != nil {
		c.refuse(w, r, statusOf(err), err)
		return
	}
	filter, err := deadletter.ParseFilter(filterOf(r.URL.Query()))
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	unlock, err := c.reads.lock(r.Context(), dlq)
	if err != nil {
		return // the client has closed the connection
	}
	defer unlock()
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Content-Disposition", `attachment; filename="dead-letters.jsonl"`)
	out := &slowWriter{w, http.NewResponseController(w)}
	n, err := c.client.Export(r.Context(), dlq, filter, out)
	c.log.did(r, "deadletters/{queue}/export", err, "queue", line(queue), "exported", n)
	if err != nil {
		panic(http.ErrAbortHandler) // so that the client sees that the file is not complete
	}
}

// slowWriter gives each write its own time.
type slowWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *slowWriter) Write(data []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(data)
}
