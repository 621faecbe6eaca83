package job

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// Replies has a command or a server reply to calls: with stdout, with "reply" of an answer, or with
// the response to a 2xx and its Content-Type. The handler is like one of handler.Replies: the
// reply is sent when the message is acknowledged, an error when no attempt follows, and the
// context also ends at the deadline of the call. Output for a message without a reply-to is
// dropped.
//
// An empty output, a missing "reply" and an empty response without a Content-Type reply with null
// as JSON. A failure may have a reason, such as not_found, which the caller gets as
// broker.RemoteError.Reason: the last line on stderr, before a line "retry-after: 30s", is
// "reason: not_found", the answer has "reason" beside "error", or the response has the header
// Warren-Reason.
type Replies struct {
	// ContentType is the content type of what a command writes to stdout. Empty means
	// application/json. Output that is not JSON is then an error, and the message is tried again.
	// Other types are sent unchanged. For an Exec without Persistent only.
	ContentType string
	// MaxBytes is the largest output or response. Zero means 1 MiB. More of it is an error, and
	// the message is tried again. A persistent Exec has MaxAnswerBytes instead.
	MaxBytes int
}

// validate adds the faults of r. fixed is set if the content type does not come from r.
func (r *Replies) validate(f *check.Faults, fixed bool) {
	if r == nil {
		return
	}
	f.Addf(r.MaxBytes < 0, "Replies.MaxBytes is %d, want 0 or more", r.MaxBytes)
	f.Addf(fixed && r.ContentType != "", "Replies.ContentType is set, want it only for an Exec without Persistent")
	f.Addf(len(r.ContentType) > 255, "Replies.ContentType has %d bytes, want 255 at most", len(r.ContentType))
}

func (r *Replies) maxBytes() int { return cmp.Or(r.MaxBytes, 1<<20) }

const jsonType = "application/json"

// null is the reply of a handler that has none.
func null() *message.Message { return &message.Message{Body: []byte("null"), ContentType: jsonType} }

// parse returns the reply that a command has written.
func (r *Replies) parse(output *head) (*message.Message, error) {
	reply := &message.Message{Body: output.kept, ContentType: cmp.Or(r.ContentType, jsonType)}
	if output.over {
		return nil, r.errTooMuch()
	}
	if !handler.JSON().Accepts(reply.ContentType) {
		return reply, nil
	}
	switch reply.Body = bytes.TrimSpace(reply.Body); {
	case len(reply.Body) == 0:
		return null(), nil
	case !json.Valid(reply.Body) || !utf8.Valid(reply.Body):
		return nil, fmt.Errorf("%q is not JSON, want one value, or another ContentType", cleanHead(reply.Body, 100))
	}
	return reply, nil
}

// errTooMuch is the error of output beyond MaxBytes.
func (r *Replies) errTooMuch() error {
	return fmt.Errorf("more than %d bytes, want fewer, or a larger MaxBytes", r.maxBytes())
}

// read returns the reply of a server.
func (r *Replies) read(resp *http.Response) (*message.Message, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(r.maxBytes())+1))
	kind := resp.Header.Get("Content-Type")
	switch {
	case err != nil:
		return nil, err
	case len(body) > r.maxBytes():
		return nil, r.errTooMuch()
	case len(body) == 0 && kind == "":
		return null(), nil
	}
	return &message.Message{
		Body: body, ContentType: cmp.Or(kind, "application/octet-stream"), ContentEncoding: resp.Header.Get("Content-Encoding"),
	}, nil
}

// reasoned is an error with a reason for the caller.
type reasoned struct {
	error

	reason string
}

// because returns err with the reason, if there is one.
func because(err error, reason string) error {
	if reason = clean([]byte(reason)); reason == "" {
		return err
	}
	return &reasoned{err, reason}
}

func (e *reasoned) Unwrap() error { return e.error }

// Reason returns the reason.
func (e *reasoned) Reason() string { return e.reason }

// takeReason removes the last line if it is "reason: REASON", and returns the reason.
func (t *tail) takeReason() string {
	kept := bytes.TrimRight(t.kept, "\r\n")
	begin := bytes.LastIndexByte(kept, '\n') + 1
	name, reason, _ := strings.Cut(string(kept[begin:]), ":")
	if !strings.EqualFold(strings.TrimSpace(name), "reason") {
		return ""
	}
	t.kept = kept[:begin]
	return reason
}

// respond handles a message. The reply is nil without Replies.
type respond func(ctx context.Context, m *message.Message) (reply *message.Message, err error)

// handlerOf returns the Handler that calls f, and replies if r is set.
func handlerOf(f respond, c io.Closer, r *Replies) Handler {
	if r != nil {
		return replying{handler.ReplyFunc(f), c}
	}
	return silent{f, c}
}

// replying is a Handler that replies.
type replying struct {
	handler.ReplyFunc
	io.Closer
}

// silent is a Handler that does not reply.
type silent struct {
	respond
	io.Closer
}

// Handle calls the function.
func (s silent) Handle(ctx context.Context, m *message.Message) error {
	_, err := s.respond(ctx, m)
	return err
}

// nothing is what handlers without processes or connections close.
type nothing struct{}

func (nothing) Close() error { return nil }

// errNoReply is the fault of an answer with a reply or a reason that its handler does not send.
var errNoReply = errors.New(`"reply" or "reason" is set, want none without Replies`)
