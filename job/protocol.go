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
	ID              uint64                     `json:"id"` // the answer must repeat it
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
	Checkpoint      json.RawMessage            `json:"checkpoint,omitempty"`
}

// encodeRequest returns the line for m.
func encodeRequest(ctx context.Context, id uint64, m *message.Message, checkpoint json.RawMessage) ([]byte, error) {
	r := request{
		ID: id, MessageID: m.ID, Attempt: m.Attempt, Queue: m.Queue, Exchange: m.Exchange, RoutingKey: m.RoutingKey,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Type: m.Type, CorrelationID: m.CorrelationID,
		ReplyTo: m.ReplyTo, AppID: m.AppID, Timestamp: timestamp(m), Priority: m.Priority, Redelivered: m.Redelivered,
		Checkpoint: checkpoint, Trace: make(map[string]string), Headers: make(map[string]json.RawMessage),
	}
	for _, f := range traceContext(ctx, m) {
		r.Trace[f.name] = f.value
	}
	for name, value := range m.Headers {
		if isUserHeader(name) {
			r.Headers[name] = headerJSON(value)
		}
	}
	if utf8.Valid(m.Body) {
		text := string(m.Body)
		r.Body = &text
	} else {
		r.BodyBase64 = m.Body
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line) // ends with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("job: encode the message as JSON: %w", err)
	}
	return line.Bytes(), nil
}

// answer is the line that a persistent process writes when it is done with a message.
type answer struct {
	ID         uint64 `json:"id"`
	OK         bool   `json:"ok"`
	Error      string `json:"error"`
	RetryAfter string `json:"retry_after"`
	Permanent  bool   `json:"permanent"`
	Discard    bool   `json:"discard"`
	Reason     string `json:"reason"`

	Emit  []json.RawMessage `json:"emit"`
	Reply json.RawMessage   `json:"reply"`

	pause   time.Duration // RetryAfter as a duration
	emitted []*message.Message
}

// parseAnswer reads and checks the answer to the request with the given id.
func parseAnswer(line []byte, id uint64) (answer, error) {
	var a answer
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields() // a misspelt "permanent" must not turn a dead letter into a retry
	if err := dec.Decode(&a); err != nil {
		return a, err
	}
	var ok bool
	if a.pause, ok = parseRetryAfter(cmp.Or(a.RetryAfter, "0"), time.Now(), maxRetryAfter); !ok {
		return a, fmt.Errorf(`"retry_after" is %q, want such as "30s"`, a.RetryAfter)
	}
	marks := 0
	for _, set := range []bool{a.RetryAfter != "", a.Permanent, a.Discard} {
		if set {
			marks++
		}
	}
	switch {
	case !atEnd(dec):
		return a, errors.New("more than one JSON value on the line, want one")
	case a.ID != id:
		return a, fmt.Errorf(`"id" is %d, want %d`, a.ID, id)
	case a.OK == (a.Error != ""):
		return a, errors.New(`want either "ok":true or an "error" with a text`)
	case a.OK && marks > 0 || marks > 1:
		return a, errors.New(`want one of "retry_after", "permanent" and "discard", and an "error"`)
	case !a.OK && len(a.Emit) > 0:
		return a, errors.New(`"emit" is set with an "error", want it with "ok":true`)
	case !a.OK && a.Reply != nil:
		return a, errors.New(`"reply" is set with an "error", want it with "ok":true`)
	case a.OK && a.Reason != "":
		return a, errors.New(`"reason" is set with "ok":true, want it with an "error"`)
	}
	var err error
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
	err := because(&ReportedError{Command: command, Text: cleanHead([]byte(a.Error), maxText)}, a.Reason)
	switch {
	case a.Discard:
		return retry.Discard(err)
	case a.Permanent:
		return retry.Permanent(err)
	case a.RetryAfter != "":
		return retry.After(a.pause, err)
	}
	return err
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

// ReportedError is a failure that a persistent process reported in its answer.
type ReportedError struct {
	Command string // the program, without its arguments
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
