package deadletter_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// patience is the longest wait of these tests. A test that works waits much less.
const patience = 60 * time.Second

// bench is a work queue of a test's own on the shared broker, with its dead letters.
type bench struct {
	t       *testing.T
	cfg     broker.Config
	queue   worker.Queue
	dlq     string
	pub     *broker.Publisher // to the queue's exchange
	direct  *broker.Publisher // to queues by their names
	channel *amqp.Channel
	client  *deadletter.Client
}

func newBench(t *testing.T, change ...func(*worker.Queue)) *bench {
	t.Helper()
	url := rabbit.URL(t)
	name := rabbit.Queue(t)
	b := &bench{
		t: t, cfg: broker.Config{URL: url}, dlq: topology.DeadLetterQueue(name), channel: rabbit.Channel(t, url),
		queue: worker.Queue{
			Name: name, Exchange: name + "-events", Concurrency: 16,
			Retry: retry.Policy{MaxAttempts: 1, InitialInterval: 100 * time.Millisecond, Multiplier: 1, RandomizationFactor: -1},
		},
	}
	for _, f := range change {
		f(&b.queue)
	}
	b.pub, b.direct = broker.NewPublisher(b.cfg, b.queue.Exchange), broker.NewPublisher(b.cfg, "")
	b.client = deadletter.New(b.cfg)
	t.Cleanup(b.remove)
	b.run(func(context.Context, *message.Message) error { return nil })() // declares everything
	return b
}

// remove deletes what the test declared.
func (b *bench) remove() {
	if err := b.pub.Close(); err != nil {
		b.t.Error(err)
	}
	if err := b.direct.Close(); err != nil {
		b.t.Error(err)
	}
	ch := rabbit.Channel(b.t, b.cfg.URL)
	queues := []string{b.queue.Name, b.dlq, topology.ParkingQueue(b.queue.Name), "warren.delay.for." + b.queue.Name}
	for n := range b.queue.Partitions {
		queues = append(queues, topology.Partition(b.queue.Name, n))
	}
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			b.t.Error(err)
		}
	}
	if err := ch.ExchangeDelete(b.queue.Exchange, false, false); err != nil {
		b.t.Error(err)
	}
}

// run has a worker handle every key with h, until stop.
func (b *bench) run(h handler.Func) (stop func()) {
	b.t.Helper()
	w := worker.New(worker.Config{Broker: b.cfg, Logger: slog.New(slog.DiscardHandler)})
	w.Queue(b.queue).Handle("#", h)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run returned %v", err)
		}
	})
	b.t.Cleanup(stop)
	b.eventually("the worker is ready", func() bool { return w.Health().Ready })
	return stop
}

// fail has a worker fail n messages with h, after they were published.
func (b *bench) fail(n int, h handler.Func, publish func(i int) broker.Item) {
	b.t.Helper()
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = publish(i)
	}
	if err := b.pub.PublishBatch(b.t.Context(), items...); err != nil {
		b.t.Fatal(err)
	}
	before := b.depth(b.dlq)
	stop := b.run(h)
	b.eventually("all messages are dead letters", func() bool { return b.depth(b.dlq) == before+n })
	stop()
}

// failed makes n dead letters in a row: their ids are letter-0 and so on.
func (b *bench) failed(n int) {
	b.t.Helper()
	b.queue.Concurrency = 1 // for the order's sake
	b.fail(n, broken, numbered)
	b.queue.Concurrency = 16
}

func broken(_ context.Context, m *message.Message) error {
	return retry.Permanent(fmt.Errorf("card %s was declined", m.ID))
}

func numbered(i int) broker.Item {
	return broker.Item{
		Key: "user.signed_up", Body: map[string]int{"n": i},
		Options: []broker.Option{broker.WithMessageID(fmt.Sprint("letter-", i)), broker.WithHeader("tenant", "blue")},
	}
}

func (b *bench) eventually(what string, cond func() bool) {
	b.t.Helper()
	rabbit.Eventually(b.t, patience, cond, what)
}

func (b *bench) depth(queue string) int {
	b.t.Helper()
	return rabbit.Depth(b.t, b.channel, queue)
}

// put publishes straight into the dead-letter queue.
func (b *bench) put(p amqp.Publishing) {
	b.t.Helper()
	if err := b.channel.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	confirm, err := b.channel.PublishWithDeferredConfirm("", b.dlq, true, false, p)
	if err != nil {
		b.t.Fatal(err)
	}
	if acked, err := confirm.WaitContext(b.t.Context()); err != nil || !acked {
		b.t.Fatalf("not confirmed: %v, %v", acked, err)
	}
}

// read returns all dead letters.
func (b *bench) read() (all []deadletter.DeadLetter) {
	b.t.Helper()
	err := b.client.Read(b.t.Context(), b.dlq, deadletter.Filter{}, func(l deadletter.DeadLetter) error {
		all = append(all, l)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// only returns the only dead letter.
func (b *bench) only() deadletter.DeadLetter {
	b.t.Helper()
	all := b.read()
	if len(all) != 1 {
		b.t.Fatalf("%d dead letters, want one", len(all))
	}
	return all[0]
}

func ids(deadLetters []deadletter.DeadLetter) []string {
	all := make([]string, len(deadLetters))
	for i, l := range deadLetters {
		all[i] = l.ID
	}
	return all
}

func idsTo(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("letter-", i)
	}
	return all
}

// drain takes everything out of the queue.
func (b *bench) drain(queue string) (all []amqp.Delivery) {
	b.t.Helper()
	for {
		d, ok, err := b.channel.Get(queue, true)
		if err != nil {
			b.t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, d)
	}
}
