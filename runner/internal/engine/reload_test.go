package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestReload has a queue that stays count on through all of it.
func TestReload(t *testing.T) {
	t.Parallel()
	const stays = "stays"
	kept := queueYAML(stays, "stays", "")
	for name, tt := range map[string]struct {
		to   string
		want string // of the changes
		then func(r *running)
	}{
		"what can change live does": {
			queues(kept, queueYAML("q", "q.#", "concurrency: 4, paused: true,")) + "log: {level: debug}\n",
			"live [log.level queues.q.concurrency queues.q.paused]",
			func(r *running) {
				r.becomes("q", "paused 4/4 acked 0")
				if r.level.Level() != slog.LevelDebug {
					r.t.Errorf("level %v, want debug", r.level.Level())
				}
			},
		},
		"a changed queue restarts alone": {
			queues(kept, queueYAML("q", "other.#", "")), "restart [q]",
			func(r *running) {
				r.publish("other.1", "new key")
				if got := r.next(); got != "q: new key" {
					r.t.Errorf("got %q, want it by the new key", got)
				}
			},
		},
		"a new queue begins": {
			queues(kept, queueYAML("q", "q.#", ""), queueYAML("new", "new.#", "")), "added [new]",
			func(r *running) {
				r.publish("new.1", "hello")
				if got := r.next(); got != "new: hello" {
					r.t.Errorf("got %q", got)
				}
			},
		},
		"a queue that is gone ends": {queues(kept), "removed [q]", func(r *running) { r.becomes("q", "none") }},
		"what needs a new process stays": {
			queues(kept, queueYAML("q", "q.#", "")) + "grace: 3s\n", "process [grace]",
			func(r *running) {
				if g := time.Duration(r.Config().Grace); g != 30*time.Second {
					r.t.Errorf("grace is %v, want the old one", g)
				}
			},
		},
		"nothing has changed": {queues(kept, queueYAML("q", "q.#", "")), "", func(*running) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, queues(kept, queueYAML("q", "q.#", "")))
			defer r.end()
			r.publish(stays, "before")
			r.next()
			r.becomes(stays, "consuming 1/1 acked 1")
			changes, err := r.Reload(t.Context(), load(t, tt.to))
			if got := describe(changes); err != nil || got != tt.want {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
			tt.then(r)
			r.publish(stays, "after")
			r.next()
			r.becomes(stays, "consuming 1/1 acked 2")
		})
	}
}

func describe(c config.Changes) string {
	var parts []string
	for _, p := range []struct {
		name string
		list []string
	}{{"live", c.Live}, {"restart", c.Restart}, {"added", c.Added}, {"removed", c.Removed}, {"process", c.Process}} {
		if len(p.list) > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", p.name, p.list))
		}
	}
	return strings.Join(parts, ", ")
}

func TestReloadThatConflictsChangesNothing(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("q", "q.#", "")))
	defer r.end()
	_, err := r.Reload(t.Context(), load(t, queues(queueYAML("q", "q.#", "delivery_limit: 3,"), queueYAML("new", "new", ""))))
	if !errors.As(err, new(*topology.ConflictError)) {
		t.Errorf("got %v, want the conflict", err)
	}
	r.publish("q.1", "still here")
	if got := r.next(); got != "q: still here" {
		t.Errorf("got %q", got)
	}
	if got := r.queue("new"); got != "none" {
		t.Errorf("new is %s, want none", got)
	}
}

func TestReloadAfterTheEnd(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("q", "q.#", "")))
	r.end()
	if _, err := r.Reload(t.Context(), load(t, exchange)); err == nil {
		t.Error("it took a new configuration after its end")
	}
}

// TestAReloadWhoseQueueIsRefusedLeavesTheOthersAtWork: the user may not declare the new
// queue.
func TestAReloadWhoseQueueIsRefusedLeavesTheOthersAtWork(t *testing.T) {
	t.Parallel()
	dev, err := devbroker.Start(devbroker.Config{Users: []devbroker.User{{
		Name: "guest", Password: "guest", Configure: "^(warren|events|mail)", Write: ".*", Read: ".*",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	const mail = "\n  - {name: mail, exchange: events, handlers: [{key: mail, go: note}]}"
	head := "broker: {url: \"" + dev.URL() + "\"}\nexchanges: [{name: events}]\nqueues:" + mail
	r := run(t, head)
	if _, err := r.Reload(t.Context(), load(t, head+"\n  - {name: other, exchange: events, handlers: [{key: other, go: note}]}")); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return !r.Status().Ready }, "the refused queue makes the runner not ready")
	r.publish("mail", "x")
	if got := r.next(); got != "mail: x" {
		t.Errorf("got %q, want the message of the other queue", got)
	}
	r.end()
}

// TestALevelThatAnOperatorHasSetStays at a reload that does not change log.level.
func TestALevelThatAnOperatorHasSetStays(t *testing.T) {
	t.Parallel()
	r := run(t, queues(queueYAML("q", "q.#", "")))
	defer r.end()
	r.level.Set(slog.LevelDebug)
	if _, err := r.Reload(t.Context(), load(t, queues(queueYAML("q", "q.#", "concurrency: 2,")))); err != nil {
		t.Fatal(err)
	}
	if r.level.Level() != slog.LevelDebug {
		t.Errorf("the level is %v, want debug", r.level.Level())
	}
}

// TestAReloadAppliesAlthoughAQueueDoesNotDrain: its handler ignores its cancellation.
func TestAReloadAppliesAlthoughAQueueDoesNotDrain(t *testing.T) {
	t.Parallel()
	release, stuck := make(chan struct{}), make(chan struct{}, 1)
	note := handler.Func(func(_ context.Context, m *message.Message) error {
		if string(m.Body) == "stuck" {
			stuck <- struct{}{}
			<-release
		}
		return nil
	})
	dev, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	const two = "brokers: [{name: blue, url: %q}, {name: green, url: %q}]\ngrace: none\nqueues:\n" +
		"  - {name: first, broker: blue, %s handlers: [{key: first, go: note}]}\n  - {name: second, broker: green, %s handlers: [{key: second, go: note}]}\n"
	yaml := func(more string) *config.Config {
		return load(t, "broker: {url: \""+dev.URL()+"\"}\n"+fmt.Sprintf(two, dev.URL(), dev.URL(), more, more))
	}
	g, err := engine.NewGroup(engine.Options{
		Config: yaml(""), Go: inGo(note), Logger: slog.New(slog.DiscardHandler),
	}, func(string) (metric.MeterProvider, error) { return noop.NewMeterProvider(), nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	if err := g.AwaitWorking(ctx); err != nil {
		t.Fatal(err)
	}
	pub := broker.NewPublisher(broker.Config{URL: dev.URL()}, "")
	if err := errors.Join(pub.Publish(ctx, "first", []byte("stuck")), pub.Close()); err != nil {
		t.Fatal(err)
	}
	<-stuck
	_, err = g.Reload(ctx, yaml("prefetch: 7,"))
	if old, ok := errors.AsType[*engine.NotDrainedError](err); !ok || !errors.Is(old.Err, worker.ErrHandlerStuck) {
		t.Errorf("got %v, want a NotDrainedError with ErrHandlerStuck", err)
	}
	if c := g.Config(); c.Queues[0].Prefetch != 7 {
		t.Error("the group shows the old configuration, want the new one, which applies")
	}
	g.Each(func(name string, e *engine.Engine) {
		if c := e.Config(); len(c.Queues) != 1 || c.Queues[0].Prefetch != 7 {
			t.Errorf("broker %s: the queues are %+v, want the new configuration", name, c.Queues)
		}
	})
	close(release)
	stop()
	if err := errors.Join(<-ended, g.Close()); err != nil {
		t.Error(err)
	}
}

// TestAReloadWithABrokerThatIsDownChangesNoOther of the group.
func TestAReloadWithABrokerThatIsDownChangesNoOther(t *testing.T) {
	t.Parallel()
	var urls [2]string
	var brokers [2]*devbroker.Broker
	for i := range brokers {
		dev, err := devbroker.Start(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = dev.Close() })
		brokers[i], urls[i] = dev, dev.URL()
	}
	yaml := func(more string) *config.Config {
		return load(t, fmt.Sprintf("broker: {url: %q}\nbrokers: [{name: up, url: %q}, {name: down, url: %q}]\nqueues:\n"+
			"  - {name: first, broker: up, %s handlers: [{key: first, go: note}]}\n  - {name: second, broker: down, %s handlers: [{key: second, go: note}]}\n",
			urls[0], urls[0], urls[1], more, more))
	}
	g, err := engine.NewGroup(engine.Options{Config: yaml(""), Go: inGo(handler.Func(nil)), Logger: slog.New(slog.DiscardHandler)},
		func(string) (metric.MeterProvider, error) { return noop.NewMeterProvider(), nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	if err := errors.Join(g.AwaitWorking(ctx), brokers[1].Close()); err != nil {
		t.Fatal(err)
	}
	rabbit.Eventually(t, time.Minute, func() bool { return !g.Status().Ready }, "the broker is down")
	waits, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := g.Reload(waits, yaml("prefetch: 7,")); err == nil {
		t.Error("the reload succeeded, want an error for the broker that is down")
	}
	g.Each(func(name string, e *engine.Engine) {
		if n := e.Config().Queues[0].Prefetch; n == 7 {
			t.Errorf("broker %s has the new configuration, want the old one", name)
		}
	})
	stop()
	if err := errors.Join(<-ended, g.Close()); err != nil {
		t.Error(err)
	}
}
