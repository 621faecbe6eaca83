package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// lineFormat is the version of the format of a line.
const lineFormat = 1

// line is a dead letter in a file of JSON Lines. WorkQueue, ID, Reason, Error and FailedAt
// are for people and tools; Import ignores them and reads the same values from the headers.
type line struct {
	Format     int    `json:"warren_dead_letter"`
	Queue      text   `json:"queue"`
	WorkQueue  text   `json:"work_queue,omitzero"`
	ID         text   `json:"id"`
	Reason     text   `json:"reason"`
	Error      text   `json:"error,omitzero"`
	FailedAt   string `json:"failed_at,omitempty"`
	Exchange   text   `json:"exchange"`
	RoutingKey text   `json:"routing_key"`

	MessageID       text            `json:"message_id,omitzero"`
	ContentType     text            `json:"content_type,omitzero"`
	ContentEncoding text            `json:"content_encoding,omitzero"`
	Type            text            `json:"type,omitzero"`
	CorrelationID   text            `json:"correlation_id,omitzero"`
	ReplyTo         text            `json:"reply_to,omitzero"`
	Expiration      text            `json:"expiration,omitzero"`
	UserID          text            `json:"user_id,omitzero"`
	AppID           text            `json:"app_id,omitzero"`
	Timestamp       int64           `json:"timestamp,omitempty"` // Unix, in seconds
	Priority        uint8           `json:"priority,omitempty"`
	Headers         json.RawMessage `json:"headers"`

	// Body is the body itself if it is JSON that fits into a line as it is.
	Body       json.RawMessage `json:"body,omitempty"`
	BodyBase64 []byte          `json:"body_base64,omitempty"`
}

// text is a string. If it is not valid UTF-8, which JSON cannot represent, it is written
// as {"base64": "…"}.
type text string

// MarshalJSON writes the text.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(binary{[]byte(t)})
}

// UnmarshalJSON reads the text.
func (t *text) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("{")) {
		var b binary
		err := json.Unmarshal(data, &b)
		*t = text(b.Base64)
		return err
	}
	return json.Unmarshal(data, (*string)(t))
}

type binary struct {
	Base64 []byte `json:"base64"`
}

// marshal returns the dead letter as one line, without a newline.
func marshal(l *DeadLetter) ([]byte, error) {
	m := &l.Message
	headers, err := amqp.MarshalHeaders(m.Headers)
	if err != nil {
		return nil, err
	}
	out := line{
		Format: lineFormat, Queue: text(l.Queue), WorkQueue: text(l.WorkQueue), ID: text(l.ID), Reason: text(l.Reason), Error: text(l.Error),
		FailedAt: stamp(l.FailedAt), Exchange: text(m.Exchange), RoutingKey: text(m.RoutingKey), MessageID: text(m.ID),
		ContentType: text(m.ContentType), ContentEncoding: text(m.ContentEncoding), Type: text(m.Type), CorrelationID: text(m.CorrelationID),
		ReplyTo: text(m.ReplyTo), Expiration: text(m.Expiration), UserID: text(m.UserID), AppID: text(m.AppID),
		Priority: m.Priority, Headers: headers,
	}
	if !m.Timestamp.IsZero() {
		out.Timestamp = m.Timestamp.Unix()
	}
	if fitsLine(m.Body) {
		if with, err := out.withBody(m.Body); err == nil {
			return with, nil
		}
	}
	out.BodyBase64 = m.Body
	return encode(out)
}

// fitsLine reports whether the body can be written into a line as JSON and read back byte
// for byte. withBody copies such a body, because package json would reformat it.
func fitsLine(body []byte) bool {
	return len(body) > 0 && !bytes.ContainsAny(body, "\n\r") && len(bytes.TrimSpace(body)) == len(body) &&
		utf8.Valid(body) && json.Valid(body)
}

// withBody returns the line with the body in it. It fails if the body is nested deeper
// than package json reads.
func (l line) withBody(body []byte) ([]byte, error) {
	out, err := encode(l)
	if err != nil {
		return nil, err
	}
	out = append(bytes.TrimSuffix(out, []byte("}")), `,"body":`...)
	out = append(append(out, body...), '}')
	if !json.Valid(out) {
		return nil, errors.New("deadletter: the body does not fit into a line")
	}
	return out, nil
}

func encode(l line) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// unmarshal reads and checks one line.
func unmarshal(data []byte) (dlq string, m *message.Message, err error) {
	var l line
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return "", nil, err
	}
	switch {
	case len(bytes.TrimSpace(data[d.InputOffset():])) > 0:
		return "", nil, errors.New("text after the dead letter, want one dead letter a line")
	case l.Format != lineFormat:
		return "", nil, fmt.Errorf("warren_dead_letter is %d, want %d", l.Format, lineFormat)
	case l.Queue == "":
		return "", nil, errors.New("queue is empty, want the dead-letter queue's name")
	case len(l.Body) > 0 && len(l.BodyBase64) > 0:
		return "", nil, errors.New("body and body_base64 are both set, want one of them")
	}
	m, err = l.message()
	return string(l.Queue), m, err
}

func (l *line) message() (*message.Message, error) {
	m := &message.Message{
		ID: string(l.MessageID), Body: l.Body, ContentType: string(l.ContentType), ContentEncoding: string(l.ContentEncoding),
		Type: string(l.Type), CorrelationID: string(l.CorrelationID), ReplyTo: string(l.ReplyTo), Expiration: string(l.Expiration),
		UserID: string(l.UserID), AppID: string(l.AppID), Priority: l.Priority, Exchange: string(l.Exchange), RoutingKey: string(l.RoutingKey),
	}
	if len(l.BodyBase64) > 0 {
		m.Body = l.BodyBase64
	}
	if l.Timestamp != 0 {
		m.Timestamp = time.Unix(l.Timestamp, 0)
	}
	if len(l.Headers) == 0 {
		return m, nil
	}
	var err error
	m.Headers, err = amqp.UnmarshalHeaders(l.Headers)
	return m, err
}
