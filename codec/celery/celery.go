// Package celery exchanges tasks with Celery: messages of its protocol 2 with bodies in JSON. With
// Tasks and Arguments, a worker in Go runs the tasks of Celery producers, which keep calling
// task.delay. With Task, a program in Go calls the tasks of Celery workers.
package celery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Tasks is a handler that runs tasks by their names. The zero Tasks is ready for use. Register it
// for the routing keys of the queue, which Celery's producers set to the name of the queue.
//
//   - A task whose eta (countdown) is in the future is snoozed until then, which spends no attempt.
//   - A task that has expired is acknowledged, and counted and logged as discarded.
//   - The hard time limit of a task is a deadline of the handler's context.
//   - A task of an unknown name is retried by the policy of the queue and then dead-lettered, with the
//     reason "unhandled", so that a rolling deployment loses none.
//   - A message of protocol 1 is dead-lettered.
//
// Tasks does not read the body. The codec of Arguments dead-letters a task with a link, link_error, chain
// or chord, because a worker in Go would not continue it, and a body that is not JSON, such as pickle. A
// handler without that codec must do so itself.
//
// Results are not sent: callers should use ignore_result. The retries of Celery (autoretry_for,
// max_retries) belong to its workers; failed tasks are retried by the policy of the queue.
//
// Handle is safe for concurrent use, but Register must be called before.
type Tasks struct{ byName map[string]handler.Handler }

// Register adds the handler of a task, such as tasks.add. It panics if the name is empty or
// registered already, or if h is nil.
func (t *Tasks) Register(name string, h handler.Handler) {
	if name == "" || h == nil || t.byName[name] != nil {
		panic(fmt.Sprintf("celery: Register of task %q: want a name that is not registered, and a handler", name))
	}
	if t.byName == nil {
		t.byName = make(map[string]handler.Handler)
	}
	t.byName[name] = h
}

// Handle runs the task in m.
func (t *Tasks) Handle(ctx context.Context, m *message.Message) error {
	now := time.Now()
	name := m.Headers.String("task")
	if name == "" {
		return &handler.DecodeError{ContentType: m.ContentType, Err: errors.New("celery: the header task is missing, want a message of protocol 2")}
	}
	h := t.byName[name]
	if h == nil {
		return &UnknownTaskError{name}
	}
	if at, err := deadline(m, "expires"); err != nil {
		return err
	} else if !at.IsZero() && !at.After(now) {
		return retry.Discard(fmt.Errorf("celery: task %s expired at %v", name, at))
	}
	if at, err := deadline(m, "eta"); err != nil {
		return err
	} else if at.After(now) {
		return retry.Snooze(at.Sub(now))
	}
	if limit := timeLimit(m); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("celery: task %s exceeded its time limit of %v: %w", name, limit, context.DeadlineExceeded))
		defer cancel()
	}
	return h.Handle(ctx, m)
}

// deadline returns the time in a header, or the zero time if it is missing. Celery writes ISO 8601,
// in UTC if the zone is missing. A value of another kind is an error: a task that should run later
// must not run at once.
func deadline(m *message.Message, header string) (time.Time, error) {
	value := m.Headers[header]
	if at, ok := value.(time.Time); ok {
		return at, nil
	}
	text := m.Headers.String(header)
	if value == nil || text == "" && m.Headers.IsText(header) {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999-0700"} {
		if at, err := time.Parse(layout, strings.Replace(text, " ", "T", 1)); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &handler.DecodeError{ContentType: m.ContentType, Err: fmt.Errorf("celery: the header %s is a %T %.80q, want a time in ISO 8601", header, value, text)}
}

// timeLimit returns the hard time limit of a task, in the first element of the header timelimit, or
// zero. Limits of more than a day are left to the worker.
func timeLimit(m *message.Message) time.Duration {
	limits, _ := m.Headers["timelimit"].([]any)
	if len(limits) == 0 {
		return 0
	}
	var seconds float64
	if _, err := fmt.Sscan(fmt.Sprint(limits[0]), &seconds); err != nil || !(seconds > 0 && seconds < 24*60*60) {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// UnknownTaskError is the error of a task whose name is not registered. It is retried.
type UnknownTaskError struct{ Name string }

// Error returns the name of the task.
func (e *UnknownTaskError) Error() string {
	return fmt.Sprintf("celery: no handler is registered for task %q", e.Name)
}

// Reason returns message.ReasonUnhandled.
func (e *UnknownTaskError) Reason() string { return message.ReasonUnhandled }

// Codec decodes the arguments of a task for handler.Typed. It is safe for concurrent use.
type Codec struct{ parameters []string }

var _ handler.Codec = (*Codec)(nil)

// Arguments returns the codec for a task with these parameters, in the order of the Python function.
// The arguments become a JSON object with their names, which is decoded into the type of the
// handler. Positional arguments get the names of the parameters, so a producer may call
// add.delay(1, 2) or add.delay(a=1, b=2). Times, decimals, UUIDs and bytes are text, as Celery
// writes them.
//
// The codec only decodes, and the error of Marshal says so. Task returns a codec for a publish.
func Arguments(parameters ...string) *Codec { return &Codec{slices.Clone(parameters)} }

// ContentType returns application/json.
func (*Codec) ContentType() string { return handler.JSON().ContentType() }

// Accepts reports whether the content type is JSON. Pickle, YAML and MessagePack are not accepted.
func (*Codec) Accepts(contentType string) bool { return handler.JSON().Accepts(contentType) }

// Marshal returns an error.
func (*Codec) Marshal(any) ([]byte, error) {
	return nil, errors.New("celery: the codec of Arguments only decodes, want the codec of Task for a publish")
}

// Unmarshal stores the arguments of a task into v.
func (c *Codec) Unmarshal(data []byte, v any) error {
	object, err := c.arguments(data)
	if err != nil {
		return err
	}
	return handler.JSON().Unmarshal(object, v)
}

// Text marks bodies as text: see handler.Codec.
func (*Codec) Text() {}

// arguments returns the arguments in the body of a task as a JSON object.
func (c *Codec) arguments(data []byte) ([]byte, error) {
	args, kwargs, embed, err := parts(data)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"chain", "chord", "callbacks", "errbacks"} {
		if v := embed[name]; v != nil && !isEmpty(v) {
			return nil, fmt.Errorf("celery: the task has a %s, which a worker in Go does not continue", name)
		}
	}
	if len(args) > len(c.parameters) {
		return nil, fmt.Errorf("celery: the task has %d positional arguments, want at most %d (%s)", len(args), len(c.parameters), strings.Join(c.parameters, ", "))
	}
	for i, value := range args {
		name := c.parameters[i]
		if _, twice := kwargs[name]; twice {
			return nil, fmt.Errorf("celery: the argument %s is given twice, by position and by name", name)
		}
		kwargs[name] = value
	}
	return json.Marshal(unwrap(kwargs, 0))
}

func isEmpty(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

// parts decodes a body of protocol 2: [args, kwargs, embed].
func parts(data []byte) (args []any, kwargs, embed map[string]any, err error) {
	var all []json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, nil, nil, fmt.Errorf("celery: the body is not a list of args, kwargs and embed: %w", err)
	}
	if len(all) != 3 {
		return nil, nil, nil, fmt.Errorf("celery: the body has %d elements, want 3: args, kwargs and embed", len(all))
	}
	for i, to := range []any{&args, &kwargs, &embed} {
		d := json.NewDecoder(bytes.NewReader(all[i]))
		d.UseNumber()
		if err := d.Decode(to); err != nil {
			return nil, nil, nil, fmt.Errorf("celery: element %d of the body: %w", i, err)
		}
	}
	if kwargs == nil {
		kwargs = make(map[string]any)
	}
	return args, kwargs, embed, nil
}

// maxDepth bounds the nesting of arguments.
const maxDepth = 1000

// unwrap replaces {"__type__": T, "__value__": V}, which Celery 5.3 and later write for times,
// decimals, UUIDs and bytes, by V.
func unwrap(v any, depth int) any {
	if depth > maxDepth {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i, one := range v {
			v[i] = unwrap(one, depth+1)
		}
	case map[string]any:
		if value, ok := v["__value__"]; ok && len(v) == 2 && v["__type__"] != nil {
			if id, ok := value.(map[string]any); ok && len(id) == 1 && id["hex"] != nil {
				return id["hex"] // a UUID
			}
			return unwrap(value, depth+1)
		}
		for name, one := range v {
			v[name] = unwrap(one, depth+1)
		}
	}
	return v
}
