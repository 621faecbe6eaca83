package celery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
	"unicode/utf8"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Call is a call of a task with everything that a publisher may set. A publisher may also publish
// the keyword arguments alone: see Task.
type Call struct {
	// Args are the positional arguments. Their JSON is what the task receives: a time.Time and a
	// []byte become text.
	Args []any
	// Kwargs are the keyword arguments: a struct, a map, or another value whose JSON is an object. Nil
	// means none.
	Kwargs any
	// ETA is when the task may run. The zero time means at once. A Celery worker receives the task
	// before, and keeps it in memory until then.
	ETA time.Time
	// Expires is the time after which the task does not run. The zero time means never.
	Expires time.Time
	// TimeLimit and SoftTimeLimit are how long the task may run. Zero means the limits of the worker.
	TimeLimit, SoftTimeLimit time.Duration
	// If IgnoreResult is true, the worker neither stores the result nor replies.
	IgnoreResult bool
	// HideArguments leaves the arguments out of the headers argsrepr and kwargsrepr, which Celery's
	// events and Flower show. Set it if the body is sealed.
	HideArguments bool
}

// TaskCodec encodes calls of one task. It is safe for concurrent use.
type TaskCodec struct{ name string }

var _ handler.Codec = (*TaskCodec)(nil)

// Task returns the codec with which a publisher calls the task with the name, such as
// images.resize, for broker.WithCodec. Celery workers run messages of protocol 2, with a body in
// JSON. The value that is published is
//
//   - a Call or a *Call,
//   - a value whose JSON is an object, such as a struct: the keyword arguments,
//   - a value whose JSON is a list: the positional arguments,
//   - nil: a call without arguments.
//
// A []byte is taken as JSON. The routing key is usually the name of Celery's queue, on the default
// exchange "". The id of the message is the id of the task. A task that is published with the
// context of a handler that runs a task is its child: parent_id and root_id say so. These headers
// replace headers of the same name. broker.WithDelay is for workers of Warren: use Call.ETA.
//
// A publish with broker.WithReplyTo has a worker whose result backend is rpc:// publish the result
// to that queue. broker.Call waits for it and returns it, or a *TaskError.
//
// Task panics if the name is empty or longer than 255 bytes.
func Task(name string) *TaskCodec {
	if name == "" || len(name) > maxName {
		panic(fmt.Sprintf("celery: the name of a task has %d bytes, want 1 to %d", len(name), maxName))
	}
	return &TaskCodec{name}
}

const maxName = 255

// ContentType returns application/json.
func (*TaskCodec) ContentType() string { return handler.JSON().ContentType() }

// Accepts reports whether the content type is JSON.
func (*TaskCodec) Accepts(contentType string) bool { return handler.JSON().Accepts(contentType) }

// Marshal returns an error: the id of a task is in its message. A publisher calls MarshalMessage.
func (*TaskCodec) Marshal(any) ([]byte, error) {
	return nil, errors.New("celery: a task cannot be encoded without a message, want a call of MarshalMessage")
}

// Unmarshal returns an error, as Marshal does. broker.Call uses OpenMessage.
func (*TaskCodec) Unmarshal([]byte, any) error {
	return errors.New("celery: a result cannot be decoded without its message, want a call of OpenMessage")
}

// MarshalMessage stores a call of the task in m: see Task for v.
func (c *TaskCodec) MarshalMessage(ctx context.Context, m *message.Message, v any) error {
	if m.ID == "" {
		return fmt.Errorf("celery: publish task %s: the message has no id, want the id of the task", c.name)
	}
	call, err := callOf(v)
	if err != nil {
		return fmt.Errorf("celery: publish task %s: %w", c.name, err)
	}
	if !utf8.Valid(call.args) || !utf8.Valid(call.kwargs) { // of a []byte or a json.RawMessage
		return fmt.Errorf("celery: publish task %s: the arguments are not UTF-8", c.name)
	}
	headers, err := call.headers()
	if err != nil {
		return fmt.Errorf("celery: publish task %s: %w", c.name, err)
	}
	for name, value := range m.Headers {
		if _, own := headers[name]; !own {
			headers[name] = value
		}
	}
	headers["task"], headers["id"] = c.name, m.ID
	headers["root_id"], headers["parent_id"] = family(ctx, m.ID)
	m.Headers, m.ContentType, m.ContentEncoding = headers, c.ContentType(), "utf-8"
	if m.CorrelationID == "" {
		m.CorrelationID = m.ID
	}
	m.Body = bodyOf(call.args, call.kwargs)
	return nil
}

// encoded is a Call whose arguments are JSON.
type encoded struct {
	Call

	args, kwargs json.RawMessage
}

var noArgs, noKwargs = json.RawMessage("[]"), json.RawMessage("{}")

// callOf returns the call that a published value stands for.
func callOf(v any) (*encoded, error) {
	switch v := v.(type) {
	case nil:
		return &encoded{args: noArgs, kwargs: noKwargs}, nil
	case Call:
		return v.encode()
	case *Call:
		if v == nil {
			return nil, errors.New("the call is nil")
		}
		return v.encode()
	case []byte:
		return argumentsOf(json.RawMessage(v))
	}
	return argumentsOf(v)
}

// argumentsOf returns a call with the keyword arguments or the positional arguments in v.
func argumentsOf(v any) (*encoded, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the arguments: %w", err)
	}
	switch text[0] {
	case '{':
		return &encoded{args: noArgs, kwargs: text}, nil
	case '[':
		return &encoded{args: text, kwargs: noKwargs}, nil
	}
	return nil, fmt.Errorf("the arguments are %s in JSON, want an object with the keyword arguments or a list of the positional ones", kindOf(text))
}

func (c *Call) encode() (*encoded, error) {
	e := &encoded{Call: *c, args: noArgs, kwargs: noKwargs}
	var err error
	if len(c.Args) > 0 {
		if e.args, err = json.Marshal(c.Args); err != nil {
			return nil, fmt.Errorf("encode Args: %w", err)
		}
	}
	if c.Kwargs == nil {
		return e, nil
	}
	if e.kwargs, err = json.Marshal(c.Kwargs); err != nil {
		return nil, fmt.Errorf("encode Kwargs: %w", err)
	}
	if e.kwargs[0] != '{' {
		return nil, fmt.Errorf("the field Kwargs is %s in JSON, want an object", kindOf(e.kwargs))
	}
	return e, nil
}

// kindOf returns the kind of a JSON value, and not the value, which may be private.
func kindOf(text json.RawMessage) string {
	switch text[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// bodyOf returns the body: args, kwargs, and an embed without callbacks.
func bodyOf(args, kwargs json.RawMessage) []byte {
	const embed = `{"callbacks":null,"errbacks":null,"chain":null,"chord":null}`
	return bytes.Join([][]byte{[]byte("["), args, []byte(","), kwargs, []byte("," + embed + "]")}, nil)
}

// headers returns the headers that do not depend on the message. Celery's workers read them by
// name, so those without a value are there, too.
func (e *encoded) headers() (message.Headers, error) {
	eta, err := timestamp("ETA", e.ETA)
	expires, err2 := timestamp("Expires", e.Expires)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	if e.TimeLimit < 0 || e.SoftTimeLimit < 0 {
		return nil, fmt.Errorf("the time limits are %v and %v, want 0 or more", e.TimeLimit, e.SoftTimeLimit)
	}
	args, kwargs := "(...)", "{...}"
	if !e.HideArguments {
		args, kwargs = repr(e.args), repr(e.kwargs)
	}
	return message.Headers{
		"lang": "go", "shadow": nil, "group": nil, "group_index": nil, "retries": int32(0), "eta": eta, "expires": expires,
		"timelimit": []any{seconds(e.TimeLimit), seconds(e.SoftTimeLimit)}, "argsrepr": args, "kwargsrepr": kwargs,
		"origin": origin(), "ignore_result": e.IgnoreResult,
	}, nil
}

// timestamp returns a time as Celery reads it, or nil for the zero time. It takes the digits of a
// fraction for microseconds, so there must be six. Python's last year is 9999.
func timestamp(field string, t time.Time) (any, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // a header without a value
	}
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return nil, fmt.Errorf("the field %s is in the year %d, want 1 to 9999", field, y)
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00"), nil
}

// seconds returns a time limit, or nil if there is none.
func seconds(d time.Duration) any {
	switch {
	case d == 0:
		return nil
	case d%time.Second == 0:
		return int64(d / time.Second)
	}
	return d.Seconds()
}

// family returns the ids of the first task and of the parent of a task that is published with ctx.
func family(ctx context.Context, id string) (root string, parent any) {
	h := message.FromContext(ctx).Headers
	if !h.IsText("task") || h.String("id") == "" {
		return id, nil
	}
	if root = h.String("root_id"); root == "" {
		root = h.String("id")
	}
	return root, h.String("id")
}

// origin returns the process that publishes, in the form that Celery uses for programs other than workers.
func origin() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("gen%d@%s", os.Getpid(), host)
}
