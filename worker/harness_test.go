package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// patience bounds every wait of these tests; none of them should come near it.
const patience = time.Minute

// bench is a queue of a test's own on the shared broker, with a publisher, and a
// worker once run is called.
type bench struct {
	t        *testing.T
	url      string // what the worker connects to
	pubURL   string // what everyone else connects to
	queue    worker.Queue
	exchange string
	pub      *broker.Publisher
	conn     *amqp.Connection
	channel  *amqp.Channel

	forgetful bool // keeps no events: there are too many

	mu     sync.Mutex
	events []worker.Event
}

// quick is a retry policy for tests: short, no spread.
var quick = retry.Policy{MaxAttempts: 3, InitialInterval: 100 * time.Millisecond, Multiplier: 1, RandomizationFactor: -1}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchAt(t, rabbit.URL(t))
}

func newBenchAt(t *testing.T, url string) *bench {
	t.Helper()
	name := rabbit.Queue(t)
	b := &bench{t: t, url: url, pubURL: url, exchange: name + "-events", conn: rabbit.Connect(t, url)}
	var err error
	if b.channel, err = b.conn.Channel(); err != nil {
		t.Fatal(err)
	}
	b.queue = worker.Queue{Name: name, Exchange: b.exchange, Retry: quick}
	backoff := retry.Policy{MaxInterval: 500 * time.Millisecond}
	b.pub = broker.NewPublisher(broker.Config{URL: url, Dial: rabbit.Dial, Backoff: backoff}, b.exchange)
	t.Cleanup(func() {
		if err := b.pub.Close(); err != nil {
			t.Error(err)
		}
		b.remove()
	})
	return b
}

// remove deletes what the test declared.
func (b *bench) remove() {
	ch := rabbit.Channel(b.t, b.pubURL)
	queues := []string{b.queue.Name, topology.DeadLetterQueue(b.queue.Name), topology.ParkingQueue(b.queue.Name), "warren.delay.for." + b.queue.Name, topology.ExchangeParking(b.exchange)}
	queues = append(queues, topology.StopsQueue(b.queue.Name))
	for n := range b.queue.Partitions {
		part := topology.Partition(b.queue.Name, n)
		queues = append(queues, part, topology.StopsQueue(part))
	}
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			b.t.Error(err)
		}
	}
	if err := ch.ExchangeDelete(b.exchange, false, false); err != nil {
		b.t.Error(err)
	}
}

// running is a worker at work.
type running struct {
	*bench
	worker *worker.Worker
	sub    *worker.Subscription
	stop   context.CancelFunc
	done   chan error
}

// run starts a worker that handles every key with h and waits until it consumes.
func (b *bench) run(h handler.Handler, change ...func(*worker.Config)) *running {
	b.t.Helper()
	return b.runMux(map[string]handler.Handler{"#": h}, change...)
}

func (b *bench) runMux(handlers map[string]handler.Handler, change ...func(*worker.Config)) *running {
	b.t.Helper()
	return b.runWith(func(*worker.Worker) {}, handlers, change...)
}

// runWith lets prepare see the worker before it runs.
func (b *bench) runWith(prepare func(*worker.Worker), handlers map[string]handler.Handler, change ...func(*worker.Config)) *running {
	b.t.Helper()
	return b.runRegistered(prepare, func(q *worker.Subscription) {
		for pattern, h := range handlers {
			q.Handle(pattern, h)
		}
	}, change...)
}

// runRegistered lets register add the handlers of the queue.
func (b *bench) runRegistered(prepare func(*worker.Worker), register func(*worker.Subscription), change ...func(*worker.Config)) *running {
	b.t.Helper()
	c := worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	w := worker.New(c)
	if !b.forgetful {
		w.Watch(b.record)
	}
	sub := w.Queue(b.queue)
	register(sub)
	prepare(w)
	ctx, stop := context.WithCancel(b.t.Context())
	r := &running{bench: b, worker: w, sub: sub, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- w.Run(ctx) }()
	b.t.Cleanup(func() {
		if err := r.finish(); err != nil {
			b.t.Errorf("Run returned %v", err)
		}
	})
	b.eventually("the worker is ready", func() bool { return w.Health().Ready })
	return r
}

// finish stops the worker and returns what Run returned; nil if it was called before.
func (r *running) finish() error {
	r.stop()
	select {
	case err, ok := <-r.done:
		if ok {
			close(r.done)
		}
		return err
	case <-time.After(patience):
		r.t.Error("the worker did not stop")
		return nil
	}
}

// noticesLoss waits until the worker knows that its consuming connection is lost: the
// publishing one may be the first to go.
func (r *running) noticesLoss() {
	r.t.Helper()
	r.eventually("the loss is noticed", func() bool {
		return strings.Contains(strings.Join(r.worker.Health().Reasons, "\n"), "consuming connection")
	})
}

func (b *bench) record(e worker.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// settled returns the Settled events so far.
func (b *bench) settled() []worker.Settled { return eventsOf[worker.Settled](b) }

// eventsOf returns the events of one type so far.
func eventsOf[E worker.Event](b *bench) (all []E) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if one, ok := e.(E); ok {
			all = append(all, one)
		}
	}
	return all
}

// verdicts waits until n messages are settled and returns the verdicts.
func (b *bench) verdicts(n int) []worker.Verdict {
	b.t.Helper()
	b.eventually("messages are settled", func() bool { return len(b.settled()) >= n })
	var all []worker.Verdict
	for _, s := range b.settled() {
		all = append(all, s.Outcome.Verdict)
	}
	return all
}

func (b *bench) eventually(what string, cond func() bool) {
	b.t.Helper()
	rabbit.Eventually(b.t, patience, cond, what)
}

func (b *bench) publish(key string, body any, opts ...broker.Option) {
	b.t.Helper()
	if err := b.pub.Publish(b.t.Context(), key, body, opts...); err != nil {
		b.t.Fatal(err)
	}
}

// deadLetter waits for the dead letter and takes it.
func (b *bench) deadLetter() amqp.Delivery {
	b.t.Helper()
	var d amqp.Delivery
	dlq := topology.DeadLetterQueue(b.queue.Name)
	// RabbitMQ 3.10 ends the connection (541, noproc) for a get from a quorum queue that is
	// just being declared.
	b.eventually("there is a dead letter", func() bool { return b.depth(dlq) > 0 })
	b.eventually("the dead letter is taken", func() bool {
		got, ok, err := b.channel.Get(dlq, true)
		if err != nil {
			b.t.Fatal(err)
		}
		d = got
		return ok
	})
	return d
}

func (b *bench) depth(queue string) int { return rabbit.Depth(b.t, b.channel, queue) }
