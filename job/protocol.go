package job

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// request is the line that a persistent process gets for a message.
type request struct {
	ID uint64 `json:"id"` // the answer must repeat it
	properties

	Checkpoint json.RawMessage `json:"checkpoint,omitempty"`
}

// properties are a message as JSON.
type properties struct {
	MessageID       string                     `json:"message_id"`
	Attempt         int                        `json:"attempt"`
	Queue           string                     `json:"queue"`
	Exchange        string                     `json:"exchange"`
	RoutingKey      string                     `json:"routing_key"`
	ContentType     string                     `json:"content_type,omitempty"`
	ContentEncoding string                     `json:"content_encoding,omitempty"`
	Type            string                     `json:"type,omitempty"`
	CorrelationID   string                     `json:"correlation_id,omitempty"`
	ReplyTo         string                     `json:"reply_to,omitempty"`
	AppID           string                     `json:"app_id,omitempty"`
	Timestamp       string                     `json:"timestamp,omitempty"` // RFC 3339
	Priority        uint8                      `json:"priority"`
	Redelivered     bool                       `json:"redelivered"`
	Trace           map[string]string          `json:"trace,omitempty"`       // traceparent, tracestate, baggage
	Headers         map[string]json.RawMessage `json:"headers,omitempty"`     // the user's
	Body            *string                    `json:"body,omitempty"`        // if it is UTF-8
	BodyBase64      []byte                     `json:"body_base64,omitempty"` // if it is not
}

// encodeRequest returns the line for m.
func encodeRequest(ctx context.Context, id uint64, m *message.Message, checkpoint json.RawMessage) ([]byte, error) {
	var line bytes.Buffer
	err := encodeLine(&line, request{ID: id, properties: propertiesOf(m, traceContext(ctx, m)), Checkpoint: checkpoint})
	return line.Bytes(), err
}

// encodeLine writes v and a newline.
func encodeLine(to io.Writer, v any) error {
	enc := json.NewEncoder(to) // ends with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("job: encode the message as JSON: %w", err)
	}
	return nil
}

func propertiesOf(m *message.Message, trace []field) properties {
	p := properties{
		MessageID: m.ID, Attempt: m.Attempt, Queue: m.Queue, Exchange: m.Exchange, RoutingKey: m.RoutingKey,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Type: m.Type, CorrelationID: m.CorrelationID,
		ReplyTo: m.ReplyTo, AppID: m.AppID, Timestamp: timestamp(m), Priority: m.Priority, Redelivered: m.Redelivered,
		Trace: make(map[string]string), Headers: make(map[string]json.RawMessage),
	}
	for _, f := range trace {
		p.Trace[f.name] = f.value
	}
	for name, value := range m.Headers {
		if isUserHeader(name) {
			p.Headers[name] = headerJSON(value)
		}
	}
	if utf8.Valid(m.Body) {
		text := string(m.Body)
		p.Body = &text
	} else {
		p.BodyBase64 = m.Body
	}
	return p
}

// answer is the line that a persistent process writes when it is done with a message.
type answer struct {
	ID uint64 `json:"id"`
	OK bool   `json:"ok"`
	report

	Reason string `json:"reason"`

	Emit   []json.RawMessage `json:"emit"`
	Reply  json.RawMessage   `json:"reply"`
	Failed json.RawMessage   `json:"failed"` // of a batch

	emitted  []*message.Message
	failures *failures
}

// report is how a program reports that a message failed.
type report struct {
	Error      string `json:"error"`
	RetryAfter string `json:"retry_after"`
	Permanent  bool   `json:"permanent"`
	Discard    bool   `json:"discard"`

	pause time.Duration // RetryAfter as a duration
}

// check reads the pause, which is limited to longest.
func (r *report) check(longest time.Duration) error {
	var ok bool
	if r.pause, ok = parseRetryAfter(cmp.Or(r.RetryAfter, "0"), time.Now(), longest); !ok {
		return fmt.Errorf(`"retry_after" is %q, want such as "30s"`, r.RetryAfter)
	}
	if marks := count(r.RetryAfter != "", r.Permanent, r.Discard); marks > 1 || marks > 0 && r.Error == "" {
		return errors.New(`want one of "retry_after", "permanent" and "discard", and an "error"`)
	}
	return nil
}

// mark returns err marked as r asks: retry after a pause, permanent, or discarded.
func (r *report) mark(err error) error {
	switch {
	case r.Discard:
		return retry.Discard(err)
	case r.Permanent:
		return retry.Permanent(err)
	case r.RetryAfter != "":
		return retry.After(r.pause, err)
	}
	return err
}

func count(all ...bool) (n int) {
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}

// decodeAnswer reads the answer to the request with the given id.
func decodeAnswer(line []byte, id uint64) (answer, error) {
	var a answer
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields() // a misspelt "permanent" must not turn a dead letter into a retry
	if err := dec.Decode(&a); err != nil {
		return a, err
	}
	switch {
	case !atEnd(dec):
		return a, errors.New("more than one JSON value on the line, want one")
	case a.ID != id:
		return a, fmt.Errorf(`"id" is %d, want %d`, a.ID, id)
	}
	return a, nil
}

// parseAnswer reads and checks the answer to the request with the given id.
func parseAnswer(line []byte, id uint64) (answer, error) {
	a, err := decodeAnswer(line, id)
	if err != nil {
		return a, err
	}
	switch {
	case a.Failed != nil:
		return a, errors.New(`"failed" is set, want it in the answer to a batch alone`)
	case a.OK == (a.Error != ""):
		return a, errors.New(`want either "ok":true or an "error" with a text`)
	case !a.OK && len(a.Emit) > 0:
		return a, errors.New(`"emit" is set with an "error", want it with "ok":true`)
	case !a.OK && a.Reply != nil:
		return a, errors.New(`"reply" is set with an "error", want it with "ok":true`)
	case a.OK && a.Reason != "":
		return a, errors.New(`"reason" is set with "ok":true, want it with an "error"`)
	}
	if err := a.check(maxRetryAfter); err != nil {
		return a, err
	}
	if a.emitted, err = parseAllEmitted(a.Emit); err != nil {
		return a, fmt.Errorf(`"emit": %w`, err)
	}
	return a, nil
}

func atEnd(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

// outcome returns a as the handler's error.
func (a answer) outcome(command string) error {
	if a.OK {
		return nil
	}
	return a.mark(because(&ReportedError{Command: command, Text: cleanHead([]byte(a.Error), maxText)}, a.Reason))
}

// reply returns the reply of an answer.
func (a answer) reply() *message.Message {
	if a.Reply == nil {
		return null()
	}
	return &message.Message{Body: a.Reply, ContentType: jsonType}
}

var errTooLong = errors.New("the line is longer than MaxAnswerBytes")

// readLine reads a line of at most limit bytes, and keeps no more than that in memory.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return append(line, part[:limit-len(line)]...), errTooLong
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// ReportedError is a failure that a persistent process reported in its answer, or that a program or a
// server reported for a message of a batch.
type ReportedError struct {
	Command string // the program, without its arguments; or POST with the scheme and host of a URL
	Text    string // its "error", on one line, 1 KiB at most
}

// Error returns the program and its text.
func (e *ReportedError) Error() string { return fmt.Sprintf("job: %s: %s", e.Command, e.Text) }

// AnswerError is an invalid answer of a persistent process. The process was stopped.
type AnswerError struct {
	Command string // the program, without its arguments
	Answer  string // the beginning of the answer, on one line
	Err     error  // the fault
}

// Error returns the program, its answer, and the fault.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("job: %s: the answer %q is invalid: %v", e.Command, e.Answer, e.Err)
}

// Unwrap returns the fault.
func (e *AnswerError) Unwrap() error { return e.Err }
