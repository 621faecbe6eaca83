package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// chainLinks runs the first two queues of a chain in a process of their own, until SIGTERM. One in
// ten messages fails in its first attempt, after it has emitted a message.
func chainLinks() error {
	patient := quick
	patient.MaxAttempts = -1 // the next queue may not be declared yet
	w := worker.New(worker.Config{Broker: broker.Config{URL: os.Getenv("CHILD_URL")}, Logger: slog.New(slog.DiscardHandler)})
	pub := w.Publisher(os.Getenv("CHILD_EXCHANGE"))
	for _, link := range []struct{ key, next string }{{"one", "two"}, {"two", "three"}} {
		q := w.Queue(worker.Queue{Name: os.Getenv("CHILD_QUEUE") + "-" + link.key, Exchange: os.Getenv("CHILD_EXCHANGE"), Concurrency: 16, Retry: patient})
		q.Handle(link.key, handler.Typed(func(ctx context.Context, n int) error {
			if message.FromContext(ctx).Attempt == 1 && n%10 == 0 {
				return errors.Join(pub.Emit(ctx, "three", -n-1), errHandler)
			}
			return pub.Emit(ctx, link.next, n)
		}))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return w.Run(ctx)
}

// arrivals counts what arrives at the end of a chain.
type arrivals struct {
	mu         sync.Mutex
	deliveries int
	ids        map[string]map[string]bool // of each body
	handled    map[int]int
}

// deliver is a middleware that sees each delivery.
func (a *arrivals) deliver(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		a.mu.Lock()
		a.deliveries++
		if a.ids[string(m.Body)] == nil {
			a.ids[string(m.Body)] = make(map[string]bool)
		}
		a.ids[string(m.Body)][m.ID] = true
		a.mu.Unlock()
		return next.Handle(ctx, m)
	})
}

func (a *arrivals) handle(_ context.Context, n int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handled[n]++
	return nil
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.handled)
}

// TestAChainLosesNothingWhenTheWorkerIsKilled kills the process of the first two of three queues
// again and again by SIGKILL. Each message reaches the end, and nothing does that a failed
// handler has emitted. Duplicates have equal ids, so that Dedupe removes them.
func TestAChainLosesNothingWhenTheWorkerIsKilled(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	part, kills := rabbit.Scaled(500), max(rabbit.Scaled(5), 3)
	messages := part * (kills + 1)
	b := newBench(t)
	b.forgetful, b.queue.Concurrency = true, 8
	b.removeLinks()
	a := &arrivals{ids: make(map[string]map[string]bool), handled: make(map[int]int)}
	b.queue.Middleware = []handler.Middleware{a.deliver, middleware.Dedupe(dedupe.NewMemory(time.Hour, 2*messages))}
	b.runMux(map[string]handler.Handler{"three": handler.Typed(a.handle)})
	for i := range kills + 1 {
		p := startProcess(t, "chain", b)
		close(p.read) // it writes nothing
		b.eventually("the first queue is bound", func() bool {
			return b.pub.Publish(t.Context(), "one", i*part, broker.WithMessageID(strconv.Itoa(i*part))) == nil
		})
		publishLinks(t, b, i*part+1, part-1)
		if i < kills {
			b.eventually("half of it is at the end", func() bool { return a.count() >= i*part+part/2 })
			p.kill(t)
			continue
		}
		rabbit.Eventually(t, 2*time.Minute, func() bool { return a.count() == messages }, "every message is at the end")
		b.eventually("the queues are empty", func() bool {
			return b.depth(b.queue.Name+"-one")+b.depth(b.queue.Name+"-two")+b.depth(b.queue.Name) == 0
		})
		p.drain(t)
	}
	a.check(t, messages, kills)
}

func (a *arrivals) check(t *testing.T, messages, kills int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	t.Logf("%d kills: %d of %d messages at the end, %d duplicates removed", kills, len(a.handled), messages, a.deliveries-messages)
	for n, times := range a.handled {
		if n < 0 || times != 1 || len(a.ids[strconv.Itoa(n)]) != 1 {
			t.Errorf("message %d was handled %d times, under the ids %v; want once, from a handler that returned nil", n, times, a.ids[strconv.Itoa(n)])
		}
	}
	if len(a.handled) != messages || len(a.ids) != messages {
		t.Errorf("%d messages were handled and %d arrived, want %d", len(a.handled), len(a.ids), messages)
	}
}

func publishLinks(t *testing.T, b *bench, from, n int) {
	t.Helper()
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: "one", Body: from + i, Options: []broker.Option{broker.WithMessageID(strconv.Itoa(from + i))}}
	}
	if err := b.pub.PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
}

// removeLinks deletes the queues of chainLinks in the end.
func (b *bench) removeLinks() {
	b.t.Cleanup(func() {
		ch := rabbit.Channel(b.t, b.pubURL)
		for _, link := range []string{"-one", "-two"} {
			name := b.queue.Name + link
			for _, q := range []string{name, topology.DeadLetterQueue(name), topology.ParkingQueue(name)} {
				if _, err := ch.QueueDelete(q, false, false, false); err != nil {
					b.t.Error(err)
				}
			}
		}
	})
}
