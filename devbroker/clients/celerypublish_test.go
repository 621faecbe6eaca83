//go:build clients

package clients_test

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// seenTask is what a task of Celery was called with, as the task relay reports it.
type seenTask struct {
	ID       string         `json:"id"`
	Args     []any          `json:"args"`
	Kwargs   map[string]any `json:"kwargs"`
	At       float64        `json:"at"`       // in seconds since 1970
	Literals bool           `json:"literals"` // argsrepr and kwargsrepr are the arguments
	Limits   []any          `json:"limits"`
	Headers  message.Headers
}

// celeryCaller publishes tasks of a Celery worker, whose tasks report to a worker in Go.
type celeryCaller struct {
	jobs  string // the queue of the Celery worker
	pub   *broker.Publisher
	seen  chan seenTask
	again chan message.Headers
}

// TestGoCallsCeleryTasks publishes tasks that a Celery worker runs.
func TestGoCallsCeleryTasks(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) {
		c := newCeleryCaller(t, url)
		c.arguments(t)
		c.times(t)
		c.retried(t)
		c.results(t)
	})
}

func newCeleryCaller(t *testing.T, url string) *celeryCaller {
	t.Helper()
	name := "go-celery-" + strings.ToLower(rand.Text()[:8])
	c := &celeryCaller{jobs: name + "-jobs", pub: broker.NewPublisher(broker.Config{URL: url}, ""), seen: make(chan seenTask, 10), again: make(chan message.Headers, 1)}
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}})
	w.Queue(worker.Queue{Name: name, Exchange: name, ExchangeKind: "direct", Type: topology.Classic, OnlyArguments: true}).Handle(name, c.tasks())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, c.pub.Close()); err != nil {
			t.Error(err)
		}
		removeCelery(t, url, name)
		removeCelery(t, url, c.jobs)
	})
	<-w.Ready()
	startWorker(t, url, "CELERY_QUEUE="+c.jobs, "CELERY_GO_QUEUE="+name)
	return c
}

func (c *celeryCaller) tasks() *celery.Tasks {
	var tasks celery.Tasks
	tasks.Register("tasks.seen", handler.Typed(func(ctx context.Context, s seenTask) error {
		s.Headers = message.FromContext(ctx).Headers
		c.seen <- s
		return nil
	}, handler.WithCodec(celery.Arguments())))
	tasks.Register("tasks.again", handler.Typed(func(ctx context.Context, _ struct{ Text string }) error {
		c.again <- message.FromContext(ctx).Headers
		return nil
	}, handler.WithCodec(celery.Arguments("text"))))
	return &tasks
}

// publish publishes a task with an id. Until the Celery worker has declared its queue, no queue
// takes it.
func (c *celeryCaller) publish(t *testing.T, task, id string, v any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := c.pub.Publish(ctx, c.jobs, v, broker.WithCodec(celery.Task(task)), broker.WithMessageID(id))
		if err == nil {
			return
		}
		if !errors.Is(err, broker.ErrUnroutable) {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func (c *celeryCaller) next(t *testing.T) seenTask {
	t.Helper()
	select {
	case s := <-c.seen:
		return s
	case <-time.After(time.Minute):
		t.Fatal("the Celery worker did not run a task within a minute")
	}
	return seenTask{}
}

// arguments compares the arguments of tasks, and the headers that Celery gives to their children.
func (c *celeryCaller) arguments(t *testing.T) {
	t.Helper()
	list := []any{"héllo κόσμε 🎉 'a' \"b\"\n", nil, 1.5, true, -7.0, map[string]any{"nested": []any{map[string]any{"deep": nil}, []any{}}, "ключ": "значение"}}
	keyword := map[string]any{"none": nil, "list": []any{1.0, "zwei", []any{}}, "text": strings.Repeat("é", 100)}
	for id, call := range map[string]celery.Call{
		"none": {}, "positional": {Args: list}, "keyword": {Kwargs: keyword}, "both": {Args: list, Kwargs: keyword, TimeLimit: time.Minute, SoftTimeLimit: 1500 * time.Millisecond},
	} {
		c.publish(t, "tasks.relay", id, call)
		s := c.next(t)
		wantKwargs, _ := call.Kwargs.(map[string]any)
		if s.ID != id || !s.Literals || len(s.Args) != len(call.Args) || len(s.Kwargs) != len(wantKwargs) ||
			len(s.Args) > 0 && !reflect.DeepEqual(s.Args, call.Args) || len(s.Kwargs) > 0 && !reflect.DeepEqual(s.Kwargs, wantKwargs) {
			t.Errorf("%s: the task was called with %+v, want %+v", id, s, call)
		}
		if s.Headers["root_id"] != id || s.Headers["parent_id"] != id {
			t.Errorf("%s: the headers of the task's child are %v", id, s.Headers)
		}
		if id == "both" && !reflect.DeepEqual(s.Limits, []any{60.0, 1.5}) {
			t.Errorf("the limits are %v", s.Limits)
		}
	}
}

// times publishes a task that has expired, and one that must run later.
func (c *celeryCaller) times(t *testing.T) {
	t.Helper()
	c.publish(t, "tasks.relay", "expired", celery.Call{Expires: time.Now().Add(-time.Second)})
	eta := time.Now().Add(1500 * time.Millisecond)
	c.publish(t, "tasks.relay", "later", celery.Call{ETA: eta, Expires: eta.Add(time.Minute)})
	s := c.next(t)
	if at := time.UnixMicro(int64(s.At * 1e6)); s.ID != "later" || at.Before(eta.Add(-time.Millisecond)) {
		t.Errorf("task %s ran at %v, want later at %v", s.ID, at, eta)
	}
}

// retried publishes a task that Celery retries in a second, in the queue of the worker in Go.
func (c *celeryCaller) retried(t *testing.T) {
	t.Helper()
	begin := time.Now()
	c.publish(t, "tasks.again", "retried", []any{"x"})
	select {
	case h := <-c.again:
		if retries, ok := h.Int("retries"); !ok || retries != 1 || h.String("id") != "retried" || time.Since(begin) < time.Second {
			t.Errorf("after %v, the retry has the headers %v", time.Since(begin), h)
		}
	case <-time.After(time.Minute):
		t.Fatal("the retry did not come within a minute")
	}
}

// results calls tasks, and gets what Celery's backend rpc:// replies.
func (c *celeryCaller) results(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sum, err := broker.Call[int](ctx, c.pub, c.jobs, map[string]int{"a": 2, "b": 3}, broker.WithCodec(celery.Task("tasks.add")))
	if sum != 5 || err != nil {
		t.Errorf("the result is %d and %v, want 5", sum, err)
	}
	for task, want := range map[string]celery.TaskError{
		"tasks.add":     {Status: "FAILURE", Type: "TypeError"}, // without arguments
		"tasks.nowhere": {Status: "FAILURE", Type: "NotRegistered"},
		"tasks.again":   {Status: "RETRY"},
	} {
		_, err := broker.Call[any](ctx, c.pub, c.jobs, argumentsOf(task), broker.WithCodec(celery.Task(task)))
		if got, ok := errors.AsType[*celery.TaskError](err); !ok || got.Status != want.Status || got.Type != want.Type {
			t.Errorf("%s: the error is %v, want %+v", task, err, want)
		}
	}
}

// argumentsOf returns arguments with which a task ends as results wants.
func argumentsOf(task string) any {
	if task == "tasks.again" {
		return []any{"x"}
	}
	return nil
}
