package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// farRetry is a policy whose pauses are longer than a message may be held.
var farRetry = retry.Policy{MaxAttempts: 3, InitialInterval: 2 * time.Hour, MaxInterval: 2 * time.Hour, Multiplier: 1, RandomizationFactor: -1}

// TestHeldRetriesWaitTwentyMinutesAtMost, in virtual time. The broker's consumer timeout of 30
// minutes never ends the consumer: a message is requeued before that, and waits on after its next
// delivery.
func TestHeldRetriesWaitTwentyMinutesAtMost(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		for name, fail := range map[string]error{"by the policy": errBoom, "by the error": retry.After(3*time.Hour, errBoom)} {
			t.Run(version+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { holdFar(t, version, fail) })
			})
		}
	}
}

func holdFar(t *testing.T, version string, fail error) {
	t.Helper()
	dev, err := devbroker.Pipe(devbroker.Config{Version: version, Heartbeat: -1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: 24 * time.Hour}
	w := worker.New(worker.Config{Broker: cfg, Logger: slog.New(slog.DiscardHandler)})
	var lost atomic.Int64
	w.Watch(func(e worker.Event) {
		if s, ok := e.(worker.StateChanged); ok && s.Err != nil {
			lost.Add(1)
		}
	})
	came := make(chan string, 8)
	start := time.Now()
	w.Queue(worker.Queue{Name: "q", HoldRetries: true, Retry: farRetry}).Handle("#", handler.Func(func(_ context.Context, m *message.Message) error {
		came <- fmt.Sprintf("%d after %v", m.Attempt, time.Since(start).Round(time.Minute))
		return fail
	}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-w.Ready()
	pub := broker.NewPublisher(cfg, "")
	if err := pub.Publish(ctx, "q", 1, broker.WithMessageID("m")); err != nil {
		t.Error(err)
	}
	got := []string{<-came, <-came, <-came}
	if want := []string{"1 after 0s", "2 after 20m0s", "3 after 40m0s"}; !slices.Equal(got, want) {
		t.Errorf("the attempts are %q, want %q", got, want)
	}
	time.Sleep(time.Hour) // virtual
	if dead := len(dev.Messages("/", topology.DeadLetterQueue("q"))); dead != 1 || len(came) > 0 || lost.Load() > 0 {
		t.Errorf("%d dead letters, %d further attempts, %d consumers lost; want 1, 0 and 0", dead, len(came), lost.Load())
	}
	stop()
	if err := errors.Join(<-done, pub.Close(), dev.Close()); err != nil {
		t.Error(err)
	}
}

// TestAKilledWorkerLosesNoHeldMessage: another process handles it at once. A quorum queue counts
// the delivery of the killed process as an attempt, and a classic queue begins anew.
func TestAKilledWorkerLosesNoHeldMessage(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	for kind, attempt := range map[string]int{topology.Quorum: 2, topology.Classic: 1} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.queue.Type = kind
			if err := b.run(nothing).finish(); err != nil { // it has declared the queue
				t.Fatal(err)
			}
			b.publish("key", 1, broker.WithMessageID("m"))
			l := &ledger{handled: make(map[string]int)}
			p := startChild(t, "holder "+kind, b, l)
			b.eventually("the message is held", func() bool { return drained(l, 1) })
			p.kill(t)
			got := make(chan int, 2)
			b.queue.HoldRetries = true
			b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				got <- m.Attempt
				return nil
			}))
			if n := <-got; n != attempt {
				t.Errorf("the message came as attempt %d, want %d", n, attempt)
			}
			b.eventually("the message is acked", func() bool { return len(b.settled()) == 1 })
			if n := b.depth(b.queue.Name) + b.depth(topology.DeadLetterQueue(b.queue.Name)); n > 0 || len(got) > 0 {
				t.Errorf("%d messages are left, and %d came again; want none", n, len(got))
			}
		})
	}
}

// holder is a worker that holds the messages of a queue of the kind for two hours. It writes the
// ID of each that it holds.
func holder(kind string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	w.Watch(func(e worker.Event) {
		if s, ok := e.(worker.Settled); ok && s.Outcome.Verdict == worker.Retry {
			fmt.Println(s.Message.ID)
		}
	})
	q := w.Queue(worker.Queue{
		Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"), Type: kind, HoldRetries: true, Retry: farRetry,
	})
	q.Handle("#", handler.Func(func(context.Context, *message.Message) error { return errBoom }))
	fmt.Fprintln(os.Stderr, "Run:", w.Run(ctx))
}
