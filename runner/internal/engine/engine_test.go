package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// running is an engine at work on the embedded broker, whose handler "note" tells what
// it gets.
type running struct {
	*engine.Engine
	t     *testing.T
	level *slog.LevelVar
	noted chan string
	stop  func() error
}

// load loads a configuration, with the broker in memory unless it names another.
func load(t *testing.T, yaml string) *config.Config {
	t.Helper()
	if !strings.Contains(yaml, "broker:") {
		yaml = "broker: {url: \"embedded:\"}\n" + yaml
	}
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(yaml), Handlers: []string{"note"}, Batches: []string{"note-all"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inGo returns the handlers in Go of the tests.
func inGo(note handler.Handler) wiring.Go {
	return wiring.Go{
		Handlers: map[string]handler.Handler{"note": note},
		Batches:  map[string]handler.BatchHandler{"note-all": handler.Batch(handleBatch)},
	}
}

func run(t *testing.T, yaml string) *running {
	t.Helper()
	r := &running{t: t, level: new(slog.LevelVar), noted: make(chan string, 100)}
	note := handler.Func(func(_ context.Context, m *message.Message) error {
		r.noted <- m.Queue + ": " + string(m.Body)
		return nil
	})
	e, err := engine.New(engine.Options{
		Config: load(t, yaml), Go: inGo(note),
		Logger: slog.New(slog.DiscardHandler), Level: r.level,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = e
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	r.stop = func() error { cancel(); return <-ended }
	t.Cleanup(func() {
		cancel()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-e.Working():
	case err := <-ended:
		t.Fatal(err)
	}
	return r
}

// end stops the engine, which must drain in peace.
func (r *running) end() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Error(err)
	}
}

func (r *running) publish(key, body string) {
	r.t.Helper()
	pub := broker.NewPublisher(r.Broker(), "events")
	if err := errors.Join(pub.Publish(r.t.Context(), key, []byte(body)), pub.Close()); err != nil {
		r.t.Error(err)
	}
}

func (r *running) next() string {
	r.t.Helper()
	select {
	case noted := <-r.noted:
		return noted
	case <-time.After(time.Minute):
		r.t.Fatal("nothing was handled in a minute")
		return ""
	}
}

// queue is the state of a queue, as one text.
func (r *running) queue(name string) string {
	for _, q := range r.Status().Queues {
		if q.Name == name {
			return fmt.Sprintf("%s %d/%d acked %d", q.State, q.Concurrency, q.Configured, q.Acked)
		}
	}
	return "none"
}

// becomes waits until the state of a queue is as wanted.
func (r *running) becomes(name, want string) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); r.queue(name) != want; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("queue %s is %s, want %s", name, r.queue(name), want)
		}
	}
}

const exchange = "exchanges: [{name: events}]\n"

func queues(list ...string) string { return exchange + "queues:\n" + strings.Join(list, "") }

func queueYAML(name, key, more string) string {
	return fmt.Sprintf("  - {name: %s, exchange: events, %s handlers: [{key: %q, go: note}]}\n", name, more, key)
}

func TestEngineHandlesAndDrains(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("a", "a.#", ""), queueYAML("b", "b.#", "")))
	r.publish("a.1", "hello")
	r.publish("b.1", "world")
	if got := []string{r.next(), r.next()}; !strings.Contains(strings.Join(got, " "), "a: hello") {
		t.Errorf("got %q, want both messages", got)
	}
	r.becomes("a", "consuming 1/1 acked 1")
	if s := r.Status(); !s.Ready {
		t.Errorf("not ready: %v", s.Reasons)
	}
	r.end()
	if s := r.Status(); s.Ready {
		t.Error("it is ready after its end")
	}
}

func TestEngineIsControlled(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("a", "a.#", "concurrency: 2,")))
	defer r.end()
	r.becomes("a", "consuming 2/2 acked 0")
	if err := errors.Join(r.Pause(t.Context(), "a"), r.Scale("a", 5)); err != nil {
		t.Error(err)
	}
	if got := r.queue("a"); got != "paused 5/2 acked 0" {
		t.Errorf("after a pause it is %s", got)
	}
	r.publish("a.1", "waits")
	if err := r.Resume(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	r.next()
	r.becomes("a", "consuming 5/2 acked 1")
	var unknown *engine.UnknownQueueError
	if err := r.Pause(t.Context(), "b"); !errors.As(err, &unknown) || unknown.Queue != "b" {
		t.Errorf("got %v, want an UnknownQueueError of b", err)
	}
}

func TestStartThatConflictsDeclaresNothing(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("q", "q.#", "")))
	defer r.end()
	c := load(t, fmt.Sprintf("broker: {url: %q}\nexchanges: [{name: events, type: direct}, {name: more}]\n", r.Broker().URL)+
		"queues:\n"+queueYAML("fresh", "fresh", ""))
	e, err := engine.New(engine.Options{Config: c, Go: inGo(handler.Func(nil)), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); !errors.As(err, new(*topology.ConflictError)) {
		t.Errorf("got %v, want the conflict of the exchange", err)
	}
	s, err := amqp.Dial(t.Context(), amqp.Config(r.Broker()), "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.State(t.Context(), "fresh"); !errors.Is(err, amqp.ErrNoQueue) {
		t.Errorf("got %v, want that nothing was declared", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSchedulesRunBeside(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("ticks", "tick", ""))+
		"schedules: [{name: every-second, cron: '* * * * * *', exchange: events, key: tick, body: {n: 1}}]\n")
	defer r.end()
	if got := r.next(); got != `ticks: {"n":1}` {
		t.Errorf("got %q", got)
	}
	if s := r.Status(); s.Scheduler != "leading" {
		t.Errorf("the scheduler is %s, want leading", s.Scheduler)
	}
	if _, err := r.Reload(t.Context(), load(t, queues(queueYAML("ticks", "tick", "")))); err != nil {
		t.Error(err)
	}
	if s := r.Status(); s.Scheduler != "" {
		t.Errorf("the scheduler is %s, want none", s.Scheduler)
	}
}
