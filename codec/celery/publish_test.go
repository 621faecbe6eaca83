package celery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

type resize struct {
	File  string   `json:"file"`
	Width *int     `json:"width"`
	Tags  []string `json:"tags,omitempty"`
}

const embed = `,{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]`

// TestPublishedArguments holds the body of each kind of value, and its literals in Python.
func TestPublishedArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		value        any
		body         string // without embed
		args, kwargs string // argsrepr and kwargsrepr
	}{
		{"no arguments", nil, `[[],{}`, `()`, `{}`},
		{"a struct", resize{File: "kø.png"}, `[[],{"file":"kø.png","width":null}`, `()`, `{"file": "kø.png", "width": None}`},
		{"a map", map[string]any{"a": true, "b": []int{1}}, `[[],{"a":true,"b":[1]}`, `()`, `{"a": True, "b": [1]}`},
		{"a list", []any{"a, b"}, `[["a, b"],{}`, `("a, b",)`, `{}`},
		{"JSON text", []byte(`{"a": 1}`), `[[],{"a":1}`, `()`, `{"a": 1}`},
		{"a call", celery.Call{Args: []any{"a", 1.5, nil, false}, Kwargs: resize{Tags: []string{"x\n"}}}, `[["a",1.5,null,false],{"file":"","width":null,"tags":["x\n"]}`, `("a", 1.5, None, False)`, `{"file": "", "width": None, "tags": ["x\n"]}`},
		{"a pointer to a call", &celery.Call{Args: []any{map[string]any{}, []any{}}}, `[[{},[]],{}`, `({}, [])`, `{}`},
		{"hidden arguments", celery.Call{Args: []any{1}, Kwargs: map[string]int{"a": 1}, HideArguments: true}, `[[1],{"a":1}`, `(...)`, `{...}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{ID: "42"}
			if err := celery.Task("images.resize").MarshalMessage(t.Context(), m, tt.value); err != nil {
				t.Fatal(err)
			}
			if got := string(m.Body); got != tt.body+embed {
				t.Errorf("the body is %s, want %s", got, tt.body+embed)
			}
			if args, kwargs := m.Headers["argsrepr"], m.Headers["kwargsrepr"]; args != tt.args || kwargs != tt.kwargs {
				t.Errorf("the literals are %v and %v, want %s and %s", args, kwargs, tt.args, tt.kwargs)
			}
		})
	}
}

func TestPublishedHeaders(t *testing.T) {
	t.Parallel()
	m := &message.Message{ID: "42", Headers: message.Headers{"tenant": "blue", "eta": "old", "retries": 7}}
	at := time.Date(2026, 1, 2, 4, 4, 5, 600, time.FixedZone("", 60*60))
	call := celery.Call{ETA: at, Expires: at.Add(time.Second), TimeLimit: 90 * time.Second, SoftTimeLimit: 1500 * time.Millisecond, IgnoreResult: true}
	if err := celery.Task("tasks.add").MarshalMessage(t.Context(), m, call); err != nil {
		t.Fatal(err)
	}
	origin := m.Headers.String("origin")
	if !strings.HasPrefix(origin, "gen") || !strings.Contains(origin, "@") {
		t.Errorf("the origin is %q", origin)
	}
	want := message.Headers{
		"tenant": "blue", "lang": "go", "task": "tasks.add", "id": "42", "root_id": "42", "parent_id": nil, "shadow": nil,
		"group": nil, "group_index": nil, "retries": int32(0), "ignore_result": true, "origin": origin,
		"eta": "2026-01-02T03:04:05.000000+00:00", "expires": "2026-01-02T03:04:06.000000+00:00",
		"timelimit": []any{int64(90), 1.5}, "argsrepr": "()", "kwargsrepr": "{}",
	}
	if !reflect.DeepEqual(m.Headers, want) {
		t.Errorf("the headers are %v, want %v", m.Headers, want)
	}
	if m.ContentType != "application/json" || m.ContentEncoding != "utf-8" || m.CorrelationID != "42" || m.ReplyTo != "" {
		t.Errorf("the properties are %+v", m)
	}
}

// TestTasksOfATaskAreItsChildren publishes with the context of a handler.
func TestTasksOfATaskAreItsChildren(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handled message.Headers
		root    string
		parent  any
	}{
		"another message":    {message.Headers{"id": "1"}, "42", nil},
		"the first task":     {message.Headers{"task": "a", "id": "1", "root_id": nil}, "1", "1"},
		"a task of the root": {message.Headers{"task": "a", "id": "1", "root_id": "0"}, "0", "1"},
	} {
		m := &message.Message{ID: "42"}
		ctx := message.NewContext(t.Context(), &message.Message{Headers: tt.handled})
		if err := celery.Task("b").MarshalMessage(ctx, m, nil); err != nil || m.Headers["root_id"] != tt.root || m.Headers["parent_id"] != tt.parent {
			t.Errorf("%s: %v, root %v and parent %v, want %v and %v", name, err, m.Headers["root_id"], m.Headers["parent_id"], tt.root, tt.parent)
		}
	}
}

func TestPublishRefusesInvalidCalls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		value any
		id    string
		want  string
	}{
		{"no id", nil, "", "celery: publish task a: the message has no id"},
		{"a text", "secret", "1", "the arguments are a text in JSON, want an object"},
		{"a number", 5, "1", "a number"},
		{"a nil pointer", (*resize)(nil), "1", "the arguments are null"},
		{"a nil call", (*celery.Call)(nil), "1", "the call is nil"},
		{"a value that JSON cannot encode", celery.Call{Args: []any{math.NaN()}}, "1", "encode Args: json: unsupported value"},
		{"keyword arguments that are a list", celery.Call{Kwargs: []int{1}}, "1", "the field Kwargs is a list in JSON, want an object"},
		{"bytes that are not JSON", []byte("{"), "1", "encode the arguments"},
		{"bytes that are not UTF-8", []byte("[\"\xff\"]"), "1", "the arguments are not UTF-8"},
		{"a negative time limit", celery.Call{TimeLimit: -1}, "1", "the time limits are -1ns and 0s, want 0 or more"},
		{"a year after 9999", celery.Call{ETA: time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC)}, "1", "ETA is in the year 10000, want 1 to 9999"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := celery.Task("a").MarshalMessage(t.Context(), &message.Message{ID: tt.id}, tt.value)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
	for _, name := range []string{"", strings.Repeat("a", 256)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Task did not panic about a name of %d bytes", len(name))
				}
			}()
			celery.Task(name)
		}()
	}
	if _, err := celery.Task("a").Marshal(1); err == nil {
		t.Error("Marshal returned no error")
	}
	if err := celery.Task("a").Unmarshal(nil, nil); err == nil {
		t.Error("Unmarshal returned no error")
	}
}

// TestPublishedTasksRunInGo decodes what Task encodes.
func TestPublishedTasksRunInGo(t *testing.T) {
	t.Parallel()
	var got map[string]any
	var tasks celery.Tasks
	tasks.Register("tasks.any", handler.Typed(func(_ context.Context, v map[string]any) error { got = v; return nil }, handler.WithCodec(celery.Arguments("a"))))
	m := &message.Message{ID: "1"}
	call := celery.Call{Args: []any{"κόσμε \"x\" 'y'"}, Kwargs: map[string]any{"b": map[string]any{"c": []any{nil, 1.0}}}}
	if err := celery.Task("tasks.any").MarshalMessage(t.Context(), m, call); err != nil {
		t.Fatal(err)
	}
	if err := tasks.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if want := (map[string]any{"a": "κόσμε \"x\" 'y'", "b": map[string]any{"c": []any{nil, 1.0}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("the arguments are %v, want %v", got, want)
	}
}

// TestResults opens what Celery's backend rpc:// sends.
func TestResults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       int
		err        string
	}{
		{"a result", `{"task_id": "1", "status": "SUCCESS", "result": 5, "traceback": null, "children": []}`, 5, ""},
		{"no result", `{"status": "SUCCESS", "result": null}`, 0, ""},
		{"a failure", `{"status": "FAILURE", "result": {"exc_type": "ValueError", "exc_message": ["no", 3], "exc_module": "builtins"}}`, 0, "its state is FAILURE: ValueError: no, 3"},
		{"a failure with a text", `{"status": "FAILURE", "result": {"exc_type": "NotRegistered", "exc_message": "x"}}`, 0, "NotRegistered: x"},
		{"a retry", `{"status": "RETRY", "result": "odd"}`, 0, "its state is RETRY"},
		{"another type", `{"status": "SUCCESS", "result": "x"}`, 0, "cannot unmarshal string"},
		{"another JSON", `{"cents": 5}`, 0, "the reply has no status"},
		{"a body that is not JSON", `x`, 0, "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := 0
			h := handler.Typed(func(_ context.Context, n int) error { got = n; return nil }, handler.WithCodec(celery.Task("a")))
			err := h.Handle(t.Context(), &message.Message{ContentType: "application/json", ContentEncoding: "utf-8", Body: []byte(tt.body)})
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || !retry.IsPermanent(err)) {
				t.Errorf("got %d and %v, want %d and %q", got, err, tt.want, tt.err)
			}
			if failed, ok := errors.AsType[*celery.TaskError](err); ok && failed.Status == "FAILURE" && failed.Type == "" {
				t.Errorf("the error lacks the type: %+v", failed)
			}
		})
	}
}

// FuzzPublish publishes JSON as arguments. The body must decode to the same values, and the
// literals must be within their limit.
func FuzzPublish(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": "\u00e9\ud800"}], "c": null}`))
	f.Add([]byte(`["` + strings.Repeat("é", 600) + `"]`))
	f.Add([]byte(`[[[[` + strings.Repeat(" ", 9) + `]]]]`))
	f.Fuzz(func(t *testing.T, arguments []byte) {
		m := &message.Message{ID: "1"}
		if celery.Task("a").MarshalMessage(t.Context(), m, arguments) != nil {
			return
		}
		body, err := decoded(m.Body)
		want, err2 := decoded(arguments)
		all, _ := body.([]any)
		if err != nil || err2 != nil || len(all) != 3 {
			t.Fatalf("%s: %v, %v", m.Body, err, err2)
		}
		if !reflect.DeepEqual(all[0], want) && !reflect.DeepEqual(all[1], want) {
			t.Errorf("the body is %s, want %s in it", m.Body, arguments)
		}
		for _, name := range []string{"argsrepr", "kwargsrepr"} {
			if literal := m.Headers.String(name); len(literal) > 1024 || literal == "" {
				t.Errorf("%s has %d bytes", name, len(literal))
			}
		}
	})
}

func decoded(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}
