package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/bodies"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// editPage is the data of the page on which an operator edits a dead letter.
type editPage struct {
	Work     string   `json:"work_queue"`
	ID       string   `json:"id"`
	Exchange string   `json:"exchange"`
	Key      string   `json:"routing_key"`
	Body     string   `json:"body"`    // as it is to be
	Headers  string   `json:"headers"` // changes, one a line
	Present  []header `json:"present"`
	Before   string   `json:"before"` // the body of the dead letter
	Preview  bool     `json:"preview"`
	Same     bool     `json:"same_body,omitempty"` // the body stays as it is, byte for byte
	Diff     []change `json:"diff,omitempty"`
	Fault    string   `json:"fault,omitempty"`
	Warning  string   `json:"warning,omitempty"`
	Checked  bool     `json:"checked"` // Config.Check has accepted the body
}

var errBinary = errors.New("console: the body is not text, and cannot be edited here; use runner dlq export and import")

// edit shows the form.
func (c *Console) edit(r *http.Request) (any, error) {
	return c.editable(r, r.URL.Query().Get("id"))
}

// editable returns the form for a dead letter as it is.
func (c *Console) editable(r *http.Request, id string) (*editPage, error) {
	queue, l, err := c.find(r, id)
	if err != nil {
		return nil, err
	}
	if note := bodies.Sealed(&l.Message); note != "" {
		return nil, &statusError{http.StatusUnprocessableEntity, fmt.Errorf("console: the body is %s, and cannot be edited; replay it, or publish a new message", note)}
	}
	before, _ := c.bodies.Open(r.Context(), &l.Message)
	if !utf8.Valid(before) || len(before) > maxShown {
		return nil, &statusError{http.StatusUnprocessableEntity, errBinary}
	}
	return &editPage{Work: queue, ID: l.ID, Exchange: l.Message.Exchange, Key: l.Message.RoutingKey, Before: string(before), Body: pretty(before), Present: headersOf(l)}, nil
}

// preview shows the difference that an edit makes, and whether the check accepts it.
func (c *Console) preview(r *http.Request, v values) (any, error) {
	p, err := c.editable(r, v["id"])
	if err != nil {
		return nil, err
	}
	p.Preview, p.Headers = true, v["headers"]
	after, given := v["body"]
	if p.Same = !given || unixLines(after) == unixLines(p.Body); p.Same {
		after = p.Before
	} else {
		p.Body = after
	}
	p.Diff = diff(pretty([]byte(p.Before)), pretty([]byte(after)))
	_, err = headerChanges(p.Headers)
	if err == nil {
		err = c.check(p.Work, &message.Message{Exchange: p.Exchange, RoutingKey: p.Key, Body: []byte(after)})
	}
	if p.Checked = err == nil && c.config.Check != nil; err != nil {
		p.Fault = err.Error()
	}
	if json.Valid([]byte(p.Before)) && !json.Valid([]byte(after)) {
		p.Warning = "The body was JSON, and is not any more."
	}
	return p, nil
}

// unixLines undoes the line breaks that browsers send in a form, whatever they were before.
func unixLines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// headerChanges reads NAME=VALUE to set and NAME to remove, one a line.
func headerChanges(text string) (message.Headers, error) {
	headers := make(message.Headers)
	for one := range strings.Lines(text) {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		name, value, set := strings.Cut(one, "=")
		name = strings.TrimSpace(name)
		if err := record.CheckHeader(name); err != nil {
			return nil, invalid(fmt.Errorf("console: headers: %w", err))
		}
		if headers[name] = nil; set {
			headers[name] = strings.TrimSpace(value)
		}
	}
	return headers, nil
}
