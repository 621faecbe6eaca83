//go:build clients

package clients_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec/celery"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const celeryTasks = 200 // that send_tasks.py sends of tasks.add

// TestCeleryTasksRunInGo runs the tasks of a Celery producer by a worker in Go.
func TestCeleryTasksRunInGo(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) { runCelery(t, url, func() {}) })
}

// TestCeleryTasksSurviveLostConnections cuts all connections while the tasks run.
func TestCeleryTasksSurviveLostConnections(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	runCelery(t, b.URL(), func() { b.CloseConnections("a test") })
}

// celeryWorker counts the tasks that it runs.
type celeryWorker struct {
	cut   func() // called during two of the tasks
	runs  [celeryTasks]atomic.Int64
	added atomic.Int64 // different tasks
	later chan string
	dead  chan string
}

func (c *celeryWorker) add(_ context.Context, s struct{ A, B int }) error {
	if s.A != s.B {
		return retry.Permanent(fmt.Errorf("got the arguments %v, want equal ones", s))
	}
	if c.runs[s.A].Add(1) == 1 {
		if n := c.added.Add(1); n == 50 || n == 120 {
			c.cut()
		}
	}
	return nil
}

func (c *celeryWorker) tasks() *celery.Tasks {
	var tasks celery.Tasks
	tasks.Register("tasks.add", handler.Typed(c.add, handler.WithCodec(celery.Arguments("a", "b"))))
	tasks.Register("tasks.later", handler.Typed(func(_ context.Context, v struct{ ID string }) error {
		c.later <- v.ID
		return nil
	}, handler.WithCodec(celery.Arguments("id"))))
	for _, name := range []string{"tasks.expired", "tasks.chained"} {
		tasks.Register(name, handler.Typed(func(context.Context, any) error {
			c.later <- name + " ran"
			return nil
		}, handler.WithCodec(celery.Arguments())))
	}
	return &tasks
}

func runCelery(t *testing.T, url string, cut func()) {
	t.Helper()
	name := "celery-go-" + strings.ToLower(rand.Text()[:8])
	c := &celeryWorker{cut: cut, later: make(chan string, 10), dead: make(chan string, 10)}
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}})
	// The producer declares the queue too: classic, durable and without arguments.
	w.Queue(worker.Queue{
		Name: name, Exchange: name, ExchangeKind: "direct", Type: topology.Classic, OnlyArguments: true, Concurrency: 4,
		Retry: retry.Policy{MaxAttempts: 2, InitialInterval: 50 * time.Millisecond},
	}).Handle(name, c.tasks())
	w.Watch(func(e worker.Event) {
		if s, ok := e.(worker.Settled); ok && s.Outcome.Verdict == worker.DeadLetter {
			c.dead <- s.Outcome.Reason + ": " + s.Outcome.Err.Error()
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		removeCelery(t, url, name)
	}()
	c.sendAndCheck(t, url, name)
}

// sendAndCheck runs the producer, and waits for what the worker does.
func (c *celeryWorker) sendAndCheck(t *testing.T, url, name string) {
	t.Helper()
	cmd := command(t.Context(), url, debianPython, "testdata/python/send_tasks.py")
	cmd.Env = append(cmd.Env, "CELERY_QUEUE="+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	end := time.After(time.Minute)
	var dead []string
	later := ""
	for len(dead) < 2 || later == "" || c.added.Load() < celeryTasks {
		select {
		case reason := <-c.dead:
			if !slices.Contains(dead, reason) { // after a lost connection it may come again
				dead = append(dead, reason)
			}
		case later = <-c.later:
		case <-time.After(50 * time.Millisecond):
		case <-end:
			t.Fatalf("%d tasks ran, want %d; later is %q, dead are %q", c.added.Load(), celeryTasks, later, dead)
		}
	}
	slices.Sort(dead)
	if later != "00000000-0000-0000-0000-000000000007" || !strings.Contains(dead[0], "the task has a callbacks") || !strings.Contains(dead[1], `unhandled: celery: no handler is registered for task "tasks.unknown"`) {
		t.Errorf("later is %q, and the dead letters are %q", later, dead)
	}
}

// removeCelery deletes what a shared RabbitMQ would keep.
func removeCelery(t *testing.T, url, name string) {
	t.Helper()
	if !strings.HasPrefix(os.Getenv("AMQP_URL"), "amqp") {
		return
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // what is deleted is deleted
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for _, queue := range []string{name, name + ".dlq", topology.ParkingQueue(name)} {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	}
	if err := ch.ExchangeDelete(name, false, false); err != nil {
		t.Error(err)
	}
}
