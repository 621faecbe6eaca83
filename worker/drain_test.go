package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestDrainFinishesWhatIsInHandAndRequeuesTheRestOnce is promise 4.
func TestDrainFinishesWhatIsInHandAndRequeuesTheRestOnce(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Prefetch = 10
		entered, leave := make(chan struct{}, 10), make(chan struct{})
		r := b.run(handler.Func(func(context.Context, *message.Message) error { entered <- struct{}{}; <-leave; return nil }))
		for range 5 {
			b.publish("key", 1)
		}
		<-entered
		b.eventually("the rest is prefetched", func() bool { return b.depth(b.queue.Name) == 0 })
		r.stop()
		b.eventually("the untouched messages are back", func() bool { return b.depth(b.queue.Name) == 4 })
		close(leave)
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if n := len(entered); n != 0 {
			t.Errorf("%d more handlers ran after the stop", n)
		}
		for range 4 {
			d, ok, err := b.channel.Get(b.queue.Name, true)
			if err != nil || !ok {
				t.Fatalf("get: %v, %v; want a message", ok, err)
			}
			if n, _ := message.Headers(d.Headers).Int("x-delivery-count"); n > 1 {
				t.Errorf("a message was requeued %d times, want once", n)
			}
		}
		if n := b.depth(b.queue.Name); n != 0 {
			t.Errorf("%d messages left: the one in hand was not acked", n)
		}
	})
}

// TestDrainCancelsAfterTheGrace is promise 4: the cause is named, no attempt is
// spent, nothing is dead-lettered.
func TestDrainCancelsAfterTheGrace(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 1 // a spent attempt would dead-letter
		entered, cause := make(chan struct{}, 1), make(chan error, 1)
		r := b.run(handler.Func(func(ctx context.Context, _ *message.Message) error {
			entered <- struct{}{}
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		}), func(c *worker.Config) { c.Grace = 100 * time.Millisecond })
		b.publish("key", 1)
		<-entered
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if err := <-cause; !errors.Is(err, worker.ErrGraceExpired) {
			t.Errorf("the handler's context ended by %v, want ErrGraceExpired", err)
		}
		if got := b.verdicts(1); got[0] != worker.Release {
			t.Errorf("verdict %v, want release", got[0])
		}
		b.eventually("the message is back", func() bool { return b.depth(b.queue.Name) == 1 })
		if dead := b.depth(topology.DeadLetterQueue(b.queue.Name)); dead != 0 {
			t.Errorf("%d dead letters, want none", dead)
		}
	})
}

// TestDrainReleasesWhatOnlyWaits is promise 4: what waits in a middleware gives up
// at once and spends no attempt.
func TestDrainReleasesWhatOnlyWaits(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		entered := make(chan struct{}, 1)
		r := b.run(handler.Func(func(ctx context.Context, _ *message.Message) error {
			entered <- struct{}{}
			<-handler.Stopping(ctx)
			return handler.ErrStopping
		}))
		b.publish("key", 1)
		<-entered
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		b.eventually("the message is back", func() bool { return b.depth(b.queue.Name) == 1 })
	})
}

// TestDrainNamesAStuckHandler is promise 4: Run returns all the same.
func TestDrainNamesAStuckHandler(t *testing.T) {
	rabbit.Waits(t, "5 seconds of patience with the handler")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		defer close(leave)
		r := b.run(handler.Func(func(context.Context, *message.Message) error { entered <- struct{}{}; <-leave; return nil }),
			func(c *worker.Config) { c.Grace = -1 })
		b.publish("key", 1)
		<-entered
		err := r.finish()
		if !errors.Is(err, worker.ErrHandlerStuck) || !strings.Contains(err.Error(), b.queue.Name) {
			t.Errorf("Run returned %v, want ErrHandlerStuck naming %s", err, b.queue.Name)
		}
		b.eventually("the message is back", func() bool { return b.depth(b.queue.Name) == 1 })
	})
}

// TestSecondSignalExitsAtOnce is promise 4, with the program of the README. What comes
// within a second of the first signal is the same signal: a terminal and timeout(1) signal
// the process and its group.
func TestSecondSignalExitsAtOnce(t *testing.T) {
	rabbit.NeedsNetwork(t, "it signals a process")
	t.Parallel()
	b := newBench(t)
	p := startProcess(t, "stubborn", b)
	lines := bufio.NewScanner(p.out)
	says := func(want string) {
		t.Helper()
		if lines.Scan(); lines.Text() != want {
			t.Fatalf("the child said %q, want %q", lines.Text(), want)
		}
	}
	signal := func() {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("the child consumes", func() bool { return consumers(b) == 1 })
	b.publish("key", 1)
	says("in hand")
	signal()
	says("draining")
	for range 3 {
		signal()
	}
	said := make(chan string, 1)
	go func() { lines.Scan(); said <- lines.Text() }()
	select {
	case text := <-said:
		t.Fatalf("the child said %q at a signal that was repeated at once, want it to go on draining", text)
	case <-time.After(1500 * time.Millisecond):
	}
	signal()
	if got, want := <-said, "Run: "+worker.ErrInterrupted.Error(); got != want {
		t.Fatalf("the child said %q, want %q", got, want)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	b.eventually("the message is back", func() bool { return b.depth(b.queue.Name) == 1 })
}

// TestSecondSignalEndsAClose: the broker does not answer, so that closing the connections
// takes seconds; a second signal is heard then, too.
func TestSecondSignalEndsAClose(t *testing.T) {
	rabbit.NeedsNetwork(t, "it signals a process")
	t.Parallel()
	b := newBench(t)
	proxy := rabbit.NewProxy(t, b.url)
	b.url = proxy.URL()
	p := startProcess(t, "idle", b)
	lines := bufio.NewScanner(p.out)
	b.eventually("the child consumes", func() bool { return consumers(b) == 1 })
	proxy.Delay(t, time.Hour)
	t.Cleanup(func() { proxy.Delay(t, 0) })
	began := time.Now()
	for _, want := range []string{"draining", "Run: " + worker.ErrInterrupted.Error()} {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if lines.Scan(); lines.Text() != want {
			t.Fatalf("the child said %q, want %q", lines.Text(), want)
		}
		if want == "draining" {
			<-time.After(1500 * time.Millisecond)
		}
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the child ended after %v, want it at once after the second signal", took)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// stubborn is a worker whose handler takes no notice of anything.
func stubborn() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}})
	w.Watch(func(e worker.Event) {
		if _, ok := e.(worker.Draining); ok {
			fmt.Println("draining")
		}
	})
	q := w.Queue(worker.Queue{Name: os.Getenv("CHILD_QUEUE"), Exchange: os.Getenv("CHILD_EXCHANGE"), Retry: quick})
	q.Handle("#", handler.Func(func(context.Context, *message.Message) error {
		fmt.Println("in hand")
		select {}
	}))
	fmt.Println("Run:", w.Run(ctx))
}
