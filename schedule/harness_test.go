package schedule_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/topology"
)

// bubble is a broker in memory and schedulers on it, with virtual time.
type bubble struct {
	t      *testing.T
	broker *devbroker.Broker
	config broker.Config
}

// inBubble runs f with a broker that behaves like the version of RabbitMQ.
func inBubble(t *testing.T, cfg devbroker.Config, f func(*bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dev, err := devbroker.Pipe(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(&bubble{t: t, broker: dev, config: broker.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: 18 * time.Hour}})
	})
}

// declare makes a queue.
func (b *bubble) declare(name string, args message.Headers) {
	b.t.Helper()
	s, err := amqp.Dial(b.t.Context(), amqp.Config(b.config), "test")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := s.Declare(b.t.Context(), topology.Topology{Queues: []topology.Queue{{Name: name, Arguments: args}}}); err != nil {
		b.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// channel runs f with a channel of a plain client.
func (b *bubble) channel(f func(*amqp091.Channel) error) {
	b.t.Helper()
	conn, err := amqp091.DialConfig(b.broker.URL(), amqp091.Config{Dial: b.broker.Dial})
	if err != nil {
		b.t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err == nil {
		err = f(ch)
	}
	if err := errors.Join(err, conn.Close()); err != nil {
		b.t.Fatal(err)
	}
}

// publish sends a body to a queue.
func (b *bubble) publish(queue, body string) {
	b.t.Helper()
	b.channel(func(ch *amqp091.Channel) error {
		return ch.PublishWithContext(b.t.Context(), "", queue, false, false, amqp091.Publishing{Body: []byte(body)})
	})
}

// ids returns the ids of the messages in a queue, in order.
func (b *bubble) ids(queue string) (all []string) {
	for _, m := range b.broker.Messages("/", queue) {
		all = append(all, m.MessageID)
	}
	return all
}

// running is a scheduler at work.
type running struct {
	*schedule.Scheduler
	t    *testing.T
	stop context.CancelFunc
	done chan error

	mu     sync.Mutex
	events []schedule.Event
}

// run starts a scheduler with the entries.
func (b *bubble) run(entries []schedule.Entry, change ...func(*schedule.Config)) *running {
	b.t.Helper()
	return b.runWith(nil, entries, change...)
}

// runWith is run with another clock on the wall, unless it is nil.
func (b *bubble) runWith(now func() time.Time, entries []schedule.Entry, change ...func(*schedule.Config)) *running {
	b.t.Helper()
	r := &running{t: b.t, done: make(chan error, 1)}
	cfg := schedule.Config{
		Name: "test", Broker: b.config, Entries: entries, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(e schedule.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	r.Scheduler = schedule.New(cfg)
	if now != nil {
		schedule.SetClock(r.Scheduler, now)
	}
	return r.start()
}

func (r *running) start() *running {
	ctx, stop := context.WithCancel(r.t.Context())
	r.stop = stop
	go func() { r.done <- r.Run(ctx) }()
	return r
}

// end stops the scheduler and returns when it has.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		r.t.Errorf("Run returned %v, want nil", err)
	}
}

// seen returns the events of one type so far.
func seen[E schedule.Event](r *running) (all []E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}
