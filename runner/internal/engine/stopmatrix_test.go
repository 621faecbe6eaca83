package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	grace      = 2 * time.Second
	workBound  = grace + 5*time.Second + 6*time.Second // of Worker.Run and the runner: for cancelled handlers, and for closing
	closeBound = 6 * time.Second                       // of Publisher.Close
)

// brokerState is what a broker and the way to it are like when a program is told to stop.
type brokerState struct {
	name      string
	heartbeat time.Duration
	before    func(*devbroker.Broker, *link) // before the program starts
	during    func(*devbroker.Broker, *link) // when it is at work
}

// queueDeclare is the head of AMQP's queue.declare.
var queueDeclare = []byte{0, 50, 0, 10}

func brokerStates() []brokerState {
	none := func(*devbroker.Broker, *link) {}
	swallow := func(b *devbroker.Broker, _ *link) {
		b.Inject(devbroker.Fault{On: devbroker.OnConfirm, Do: devbroker.Swallow})
	}
	return []brokerState{
		{"normal", time.Minute, none, none},
		{"blocked by an alarm", time.Second, none, func(b *devbroker.Broker, _ *link) { b.Block("disk") }},
		{"silent", time.Minute, none, func(_ *devbroker.Broker, l *link) { l.change(func(l *link) { l.silent = true }) }},
		{"half-open: it takes connections and says nothing", time.Minute, none, func(_ *devbroker.Broker, l *link) {
			l.change(func(l *link) { l.cut = true })
			l.change(func(l *link) { l.cut, l.silent = false, true })
		}},
		{"away: reconnecting", time.Minute, none, func(_ *devbroker.Broker, l *link) { l.change(func(l *link) { l.cut = true }) }},
		{"silent since the declarations", time.Minute, func(_ *devbroker.Broker, l *link) { l.until = queueDeclare }, none},
		{"copies and messages stay unconfirmed", time.Minute, none, swallow},
		{"slow: two seconds for each packet", time.Minute, none, func(_ *devbroker.Broker, l *link) { l.change(func(l *link) { l.slow = 2 * time.Second }) }},
	}
}

// program is what is told to stop: start has it work, and returns how it is stopped.
type program struct {
	name  string
	bound time.Duration
	start func(t *testing.T, l *link) (stop func() (took time.Duration, err error))
}

func programs() []program {
	return []program{{"worker", workBound, startWorker}, {"publisher", closeBound, startPublisher}, {"runner", workBound, startRunner}}
}

// TestStopMatrix stops a worker, a publisher and a runner in each state of the broker.
// All have something in hand, and the heartbeats of an alarm keep the connection alive.
func TestStopMatrix(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	fmt.Fprintf(&table, "%-50s %12s %12s %12s\n", "the broker is", "worker", "publisher", "runner")
	for _, s := range brokerStates() {
		fmt.Fprintf(&table, "%-50s", s.name)
		for _, p := range programs() {
			took := time.Duration(-1)
			t.Run(s.name+"/"+p.name, func(t *testing.T) { //nolint:paralleltest // one after the other, for the table
				synctest.Test(t, func(t *testing.T) { took = stopIn(t, s, p) })
			})
			fmt.Fprintf(&table, " %12v", took.Round(time.Millisecond))
		}
		table.WriteString("\n")
	}
	t.Logf("seconds until it has stopped; bounds: worker and runner %v, publisher %v\n%s", workBound, closeBound, &table)
}

// TestEverythingStopsDuringAnAlarm is the row of the alarm on the broker of the tests, with
// its own time.
func TestEverythingStopsDuringAnAlarm(t *testing.T) {
	rabbit.Waits(t, "the bounds of a stop")
	rabbit.NeedsNetwork(t, "TestStopMatrix has it over pipes")
	t.Parallel()
	node := rabbit.Start(t)
	l := &link{heartbeat: time.Second, direct: broker.Config{URL: node.URL(), Dial: new(net.Dialer).DialContext}}
	prepare(t, l.direct)
	var stops []func() (time.Duration, error)
	for _, p := range programs() {
		stops = append(stops, p.start(t, l))
	}
	node.Block(t)
	defer node.Unblock(t)
	send(t, l.direct, "fail")
	<-time.After(2 * time.Second) // heartbeats come, and copies do not go
	var all sync.WaitGroup
	for i, p := range programs() {
		all.Go(func() {
			took, err := stops[i]()
			if err != nil || took > p.bound {
				t.Errorf("the %s's end after %v is %v, want nil within %v", p.name, took, err, p.bound)
			}
			t.Logf("%-9s %6v of %v", p.name, took.Round(time.Millisecond), p.bound)
		})
	}
	all.Wait()
}

func stopIn(t *testing.T, s brokerState, p program) time.Duration {
	b, err := devbroker.Pipe(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	l := &link{heartbeat: s.heartbeat, direct: broker.Config{URL: "amqp://guest:guest@broker/", Dial: b.DialContext}}
	prepare(t, l.direct)
	s.before(b, l)
	stop := p.start(t, l)
	<-time.After(time.Second)
	s.during(b, l)
	send(t, l.direct, "fail")
	<-time.After(time.Second)
	took, err := stop()
	if err != nil {
		t.Errorf("the %s's end is %v, want nil", p.name, err)
	}
	if took > p.bound {
		t.Errorf("it took %v, want %v at most", took, p.bound)
	}
	<-time.After(time.Minute) // what is left over must end by itself
	return took
}

// prepare declares what the publisher needs.
func prepare(t *testing.T, direct broker.Config) {
	t.Helper()
	s, err := amqp.Dial(t.Context(), amqp.Config(direct), "test")
	if err != nil {
		t.Fatal(err)
	}
	topology := topology.Shared().Merge(topology.WorkQueue{Name: "q", Exchange: "events", Keys: []string{"#"}}.Topology())
	if err := errors.Join(s.Declare(t.Context(), topology), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// send publishes a message, if the broker takes it; over a connection that is not broken.
func send(t *testing.T, direct broker.Config, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	p := broker.NewPublisher(direct, "events")
	_ = p.Publish(ctx, "key", []byte(body)) // it may be blocked
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// handle holds a message until it is cancelled, or fails.
func handle(ctx context.Context, m *message.Message) error {
	if string(m.Body) == "fail" {
		return errors.New("it failed")
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func linkConfig(l *link) broker.Config {
	return broker.Config{URL: l.direct.URL, Dial: l.Dial, Heartbeat: l.heartbeat}
}

func startWorker(t *testing.T, l *link) (stop func() (time.Duration, error)) {
	t.Helper()
	w := worker.New(worker.Config{Broker: linkConfig(l), Grace: grace, Logger: slog.New(slog.DiscardHandler)})
	w.Queue(worker.Queue{Name: "q", Exchange: "events", Concurrency: 4}).Handle("#", handler.Func(handle))
	return stopping(t, w.Run, l)
}

func startRunner(t *testing.T, l *link) (stop func() (time.Duration, error)) {
	t.Helper()
	e, err := engine.New(engine.Options{
		Config: load(t, fmt.Sprintf("grace: %v\nbroker: {url: %q, heartbeat: %v}\n", grace, l.direct.URL, l.heartbeat)+queues(queueYAML("q", "#", "concurrency: 4,"))),
		Go:     inGo(handler.Func(handle)),
		Logger: slog.New(slog.DiscardHandler), Dial: l.Dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stopping(t, func(ctx context.Context) error { return errors.Join(e.Run(ctx), e.Close()) }, l)
}

// stopping runs what takes messages, and puts some into its hands.
func stopping(t *testing.T, run func(context.Context) error, l *link) (stop func() (time.Duration, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	<-time.After(time.Second)
	p := broker.NewPublisher(l.direct, "events")
	for _, body := range []string{"hold", "fail", "hold"} {
		if err := p.Publish(t.Context(), "key", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return func() (time.Duration, error) {
		began := time.Now()
		cancel()
		err := <-ended
		return time.Since(began), err
	}
}

// startPublisher has a publisher that has published, and then has something in hand.
func startPublisher(t *testing.T, l *link) (stop func() (time.Duration, error)) {
	t.Helper()
	p := broker.NewPublisher(linkConfig(l), "events")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = p.Publish(ctx, "key", []byte("first"))
	return func() (time.Duration, error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = p.Publish(context.Background(), "key", []byte("on its way"), broker.WithDelay(time.Hour))
		}()
		<-time.After(time.Second)
		began := time.Now()
		err := p.Close()
		took := time.Since(began)
		<-done
		return took, err
	}
}
