package celery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

type sum struct {
	A  int    `json:"a"`
	B  int    `json:"b"`
	At string `json:"at"`
}

func task(body string, headers message.Headers) *message.Message {
	if headers == nil {
		headers = message.Headers{}
	}
	if _, ok := headers["task"]; !ok {
		headers["task"] = "tasks.add"
	}
	return &message.Message{ContentType: "application/json", ContentEncoding: "utf-8", Body: []byte(body), Headers: headers}
}

const noEmbed = `{"callbacks": null, "errbacks": null, "chain": null, "chord": null}`

// TestArguments decodes bodies as Celery writes them.
func TestArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       sum
		err        string
	}{
		{"positional arguments", `[[1, 2], {}, ` + noEmbed + `]`, sum{A: 1, B: 2}, ""},
		{"named arguments", `[[], {"a": 1, "b": 2}, ` + noEmbed + `]`, sum{A: 1, B: 2}, ""},
		{"both", `[[1], {"b": 2}, ` + noEmbed + `]`, sum{A: 1, B: 2}, ""},
		{"a time of Celery 5.2", `[[], {"at": "2026-01-02T03:04:05"}, ` + noEmbed + `]`, sum{At: "2026-01-02T03:04:05"}, ""},
		{"a time of Celery 5.3", `[[], {"at": {"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}}, ` + noEmbed + `]`, sum{At: "2026-01-02T03:04:05"}, ""},
		{"a UUID of Celery 5.3", `[[], {"at": {"__type__": "uuid", "__value__": {"hex": "00ff"}}}, ` + noEmbed + `]`, sum{At: "00ff"}, ""},
		{"no embed", `[[], {}, null]`, sum{}, ""},
		{"an empty list of callbacks", `[[], {}, {"callbacks": []}]`, sum{}, ""},
		{"a chain", `[[], {}, {"chain": [{"task": "x"}]}]`, sum{}, "the task has a chain"},
		{"a callback", `[[], {}, {"callbacks": [{"task": "x"}]}]`, sum{}, "the task has a callbacks"},
		{"an argument twice", `[[1], {"a": 2}, ` + noEmbed + `]`, sum{}, "a is given twice"},
		{"too many arguments", `[[1, 2, 3], {}, ` + noEmbed + `]`, sum{}, "3 positional arguments, want at most 2 (a, b)"},
		{"another type", `[["x"], {}, ` + noEmbed + `]`, sum{}, "cannot unmarshal string"},
		{"two elements", `[[], {}]`, sum{}, "has 2 elements"},
		{"an object, as in protocol 1", `{"id": "x"}`, sum{}, "not a list"},
		{"args that are no list", `[{}, {}, null]`, sum{}, "element 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got sum
			var tasks celery.Tasks
			tasks.Register("tasks.add", handler.Typed(func(_ context.Context, s sum) error { got = s; return nil }, handler.WithCodec(celery.Arguments("a", "b"))))
			err := tasks.Handle(t.Context(), task(tt.body, nil))
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || !retry.IsPermanent(err)) {
				t.Errorf("got %v and %v, want %v and %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestTasks decides by the headers of a task, in virtual time.
func TestTasks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		headers func() message.Headers
		check   func(err error) bool
		runs    bool
	}{
		{"no eta", func() message.Headers { return message.Headers{"eta": nil} }, func(err error) bool { return err == nil }, true},
		{"an eta in the future", func() message.Headers { return message.Headers{"eta": in(5 * time.Second)} }, func(err error) bool {
			d, ok := retry.SnoozeDelay(err)
			return ok && d == 5*time.Second
		}, false},
		{"an eta in the past", func() message.Headers { return message.Headers{"eta": in(-time.Second)} }, func(err error) bool { return err == nil }, true},
		{"an eta without a zone", func() message.Headers {
			return message.Headers{"eta": time.Now().UTC().Add(-time.Second).Format("2006-01-02T15:04:05.000000")}
		}, func(err error) bool { return err == nil }, true},
		{"an eta with a space", func() message.Headers {
			return message.Headers{"eta": strings.Replace(in(5*time.Second), "T", " ", 1)}
		}, isSnooze, false},
		{"an eta that is a timestamp of AMQP", func() message.Headers { return message.Headers{"eta": time.Now().Add(time.Hour)} }, isSnooze, false},
		{"an eta that is a number", func() message.Headers { return message.Headers{"eta": time.Now().Add(time.Hour).Unix()} }, retry.IsPermanent, false},
		{"an empty eta", func() message.Headers { return message.Headers{"eta": ""} }, func(err error) bool { return err == nil }, true},
		{"an expiration that is a number", func() message.Headers { return message.Headers{"expires": int32(60)} }, retry.IsPermanent, false},
		{"an eta that is no time", func() message.Headers { return message.Headers{"eta": "soon"} }, retry.IsPermanent, false},
		{"an expired task", func() message.Headers { return message.Headers{"expires": in(-time.Second), "eta": in(time.Hour)} }, retry.IsDiscard, false},
		{"a task that expires later", func() message.Headers { return message.Headers{"expires": in(time.Second)} }, func(err error) bool { return err == nil }, true},
		{"an unknown task", func() message.Headers { return message.Headers{"task": "tasks.none"} }, func(err error) bool {
			unknown, ok := errors.AsType[*celery.UnknownTaskError](err)
			return ok && unknown.Reason() == message.ReasonUnhandled && !retry.IsPermanent(err)
		}, false},
		{"a message of protocol 1", func() message.Headers { return message.Headers{"task": nil} }, retry.IsPermanent, false},
		{"a time limit", func() message.Headers { return message.Headers{"timelimit": []any{int32(3), nil}, "wait": true} }, func(err error) bool {
			return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "time limit of 3s")
		}, true},
		{"no time limit", func() message.Headers { return message.Headers{"timelimit": []any{nil, nil}} }, func(err error) bool { return err == nil }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ran := false
				var tasks celery.Tasks
				tasks.Register("tasks.add", handler.Func(func(ctx context.Context, m *message.Message) error {
					if ran = true; m.Headers["wait"] == true {
						<-ctx.Done()
						return context.Cause(ctx)
					}
					return nil
				}))
				if err := tasks.Handle(t.Context(), task(`[[], {}, null]`, tt.headers())); !tt.check(err) || ran != tt.runs {
					t.Errorf("the error is %v, and the task ran: %v", err, ran)
				}
			})
		})
	}
}

func isSnooze(err error) bool {
	_, ok := retry.SnoozeDelay(err)
	return ok
}

func in(d time.Duration) string {
	return time.Now().UTC().Add(d).Format("2006-01-02T15:04:05.000000000-07:00")
}

func TestOtherSerializersAreDeadLettered(t *testing.T) {
	t.Parallel()
	var tasks celery.Tasks
	tasks.Register("tasks.add", handler.Typed(func(context.Context, sum) error { return nil }, handler.WithCodec(celery.Arguments())))
	m := task("\x80\x04", nil)
	m.ContentType = "application/x-python-serialize"
	if err := tasks.Handle(t.Context(), m); !retry.IsPermanent(err) {
		t.Errorf("the error is %v, want a permanent one", err)
	}
	if _, err := celery.Arguments().Marshal(1); err == nil {
		t.Error("Marshal returned no error")
	}
}

func FuzzArguments(f *testing.F) {
	f.Add([]byte(`[[1], {"b": {"__type__": "x", "__value__": [{}]}}, {"chain": null}]`))
	f.Add([]byte(`[[], null, 3]`))
	codec := celery.Arguments("a", "b")
	f.Fuzz(func(t *testing.T, body []byte) {
		var v map[string]any
		if err := codec.Unmarshal(body, &v); err == nil && v == nil {
			t.Error("the arguments are nil, want an object")
		}
	})
}
