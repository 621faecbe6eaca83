package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// inTime runs f with a broker in a bubble of virtual time, as each version of RabbitMQ.
func inTime(t *testing.T, f func(t *testing.T, cfg broker.Config, ch *amqp.Channel)) {
	t.Helper()
	t.Parallel()
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dev, err := devbroker.Pipe(devbroker.Config{Version: version, Heartbeat: -1})
				if err != nil {
					t.Fatal(err)
				}
				cfg := broker.Config{URL: dev.URL(), Dial: dev.DialContext, Heartbeat: 24 * time.Hour}
				conn, err := amqp.DialConfig(dev.URL(), amqp.Config{Dial: func(network, addr string) (c net.Conn, err error) {
					return dev.DialContext(t.Context(), network, addr)
				}})
				if err != nil {
					t.Fatal(err)
				}
				ch, err := conn.Channel()
				if err != nil {
					t.Fatal(err)
				}
				f(t, cfg, ch)
				if err := errors.Join(conn.Close(), dev.Close()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// publishLater publishes n messages to an exchange and routing key with a delay.
func publishLater(t *testing.T, cfg broker.Config, to [2]string, d time.Duration, n int) {
	t.Helper()
	pub := broker.NewPublisher(cfg, to[0])
	for range n {
		if err := pub.Publish(t.Context(), to[1], 1, broker.WithDelay(d)); err != nil {
			t.Error(err)
		}
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
}

// reporting returns a handler that passes on when it was called.
func reporting(came chan<- time.Time) handler.Handler {
	return handler.Func(func(context.Context, *message.Message) error {
		came <- time.Now()
		return nil
	})
}

func TestTheWayBackFromTheLevelsIsRestored(t *testing.T) {
	inTime(t, func(t *testing.T, cfg broker.Config, ch *amqp.Channel) {
		came := make(chan time.Time, 2)
		cfg.Heartbeat = 10 * time.Second
		w := worker.New(worker.Config{Broker: cfg})
		w.Queue(worker.Queue{Name: "q", Exchange: "events"}).Handle("#", reporting(came))
		stop := inBackground(t, w.Run)
		<-w.Ready()
		due := time.Now().Add(5 * time.Minute)
		publishLater(t, cfg, [2]string{"events", "key"}, 5*time.Minute, 1)
		publishLater(t, cfg, [2]string{"", "q"}, 5*time.Minute, 1)
		time.Sleep(time.Second) // the messages are in a level
		for _, parked := range []string{"q.delay", "warren.delayed.events"} {
			if err := ch.QueueUnbind(parked, parked, topology.DueExchange, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(6 * time.Minute)
		if len(came) != 2 {
			t.Errorf("%d delayed messages came, want 2", len(came))
		}
		for range len(came) {
			if late := (<-came).Sub(due); late < 0 || late > time.Second {
				t.Errorf("a message came %v late, want 0 to 1s", late)
			}
		}
		stop()
	})
}

func TestAQueueThatTakesNoDelayedMessagesIsAWarning(t *testing.T) {
	inTime(t, func(t *testing.T, cfg broker.Config, _ *amqp.Channel) {
		reader := metric.NewManualReader()
		w := worker.New(worker.Config{Broker: cfg, MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
		failed := make(chan worker.DelayFailed, 100)
		w.Watch(func(e worker.Event) {
			if f, ok := e.(worker.DelayFailed); ok {
				failed <- f
			}
		})
		q := w.Queue(worker.Queue{Name: "q", MaxLength: 1})
		q.Handle("#", nothing)
		q.Pause()
		stop := inBackground(t, w.Run)
		<-w.Ready()
		publishLater(t, cfg, [2]string{"", "q"}, time.Second, 50)
		time.Sleep(35 * time.Second)
		h := w.Health()
		if len(h.Warnings) != 1 || !strings.Contains(h.Warnings[0], "q.delay: messages for queue q have waited for 34s") || !h.Ready {
			t.Errorf("ready is %v with the warnings %q, want ready with one about queue q", h.Ready, h.Warnings)
		}
		if n := len(failed); n < 3 || n > 4 {
			t.Errorf("%d events were emitted in 34 s, want one in 10 s", n)
		}
		if e := <-failed; e.Queue != "q.delay" || e.RoutingKey != "q" || !errors.Is(e.Err, broker.ErrNacked) {
			t.Errorf("the event is %+v", e)
		}
		points := gauges(t, reader, "warren.delay.waiting")
		if points["q.delay"] < 45 {
			t.Errorf("warren.delay.waiting is %v, want almost 50 for q.delay", points)
		}
		q.Resume()
		time.Sleep(time.Minute)
		if h := w.Health(); len(h.Warnings) != 0 {
			t.Errorf("the warnings are %q after the queue has room, want none", h.Warnings)
		}
		if points := gauges(t, reader, "warren.delay.waiting"); points["q.delay"] != 0 {
			t.Errorf("warren.delay.waiting is %v, want 0", points)
		}
		stop()
	})
}

// gauges returns the values of a gauge by queue.
func gauges(t *testing.T, r metric.Reader, name string) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	values := make(map[string]int64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			g, ok := m.Data.(metricdata.Gauge[int64])
			if !ok || m.Name != name {
				continue
			}
			for _, p := range g.DataPoints {
				queue, _ := p.Attributes.Value("messaging.destination.name")
				values[queue.AsString()] = p.Value
			}
		}
	}
	return values
}

func TestWorkersWithSharedConnectionsConsumeTheParkingQueueOfAnExchangeInTurn(t *testing.T) {
	inTime(t, func(t *testing.T, cfg broker.Config, ch *amqp.Channel) {
		shared := worker.NewConnections(cfg, nil)
		hangUp := inBackground(t, shared.Run)
		came := make(chan string, 4)
		first, second := sharing(shared, "first", came), sharing(shared, "second", came)
		stopFirst := inBackground(t, first.Run)
		<-first.Ready()
		stopSecond := inBackground(t, second.Run)
		<-second.Ready()
		if q, err := ch.QueueDeclarePassive("warren.delayed.events", true, false, false, false, nil); err != nil || q.Consumers != 1 {
			t.Errorf("the queue has %d consumers (%v), want 1", q.Consumers, err)
		}
		stopFirst()
		publishLater(t, cfg, [2]string{"events", "key"}, time.Second, 1)
		time.Sleep(2 * time.Second)
		if len(came) != 1 || <-came != "second" {
			t.Errorf("%d messages came, want one for the worker that still runs", len(came))
		}
		stopSecond()
		hangUp()
	})
}

// TestAHealthyQueueIsOnTimeBesideTargetsThatTakeNothing on the same exchange: a full queue, a
// deleted one, and keys that no queue is bound to.
func TestAHealthyQueueIsOnTimeBesideTargetsThatTakeNothing(t *testing.T) {
	inTime(t, func(t *testing.T, cfg broker.Config, ch *amqp.Channel) {
		var mu sync.Mutex
		var came []time.Time
		w := worker.New(worker.Config{Broker: cfg, Logger: slog.New(slog.DiscardHandler)})
		w.Queue(worker.Queue{Name: "healthy", Exchange: "events"}).Handle("healthy", handler.Func(func(context.Context, *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			came = append(came, time.Now())
			return nil
		}))
		stop := inBackground(t, w.Run)
		<-w.Ready()
		full := amqp.Table{"x-queue-type": topology.Quorum, "x-max-length": 1, "x-overflow": "reject-publish"}
		if _, err := ch.QueueDeclare("full", true, false, false, false, full); err != nil {
			t.Fatal(err)
		}
		if err := ch.QueueBind("full", "full", "events", false, nil); err != nil {
			t.Fatal(err)
		}
		publishLater(t, cfg, [2]string{"events", "full"}, time.Second, 1000)
		publishLater(t, cfg, [2]string{"events", "unbound"}, time.Second, 1000)
		began := time.Now()
		pub := broker.NewPublisher(cfg, "events")
		for range 400 {
			if err := pub.Publish(t.Context(), "healthy", 1, broker.WithDelay(time.Second)); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		stop()
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
		if len(came) != 400 {
			t.Fatalf("%d messages came, want 400", len(came))
		}
		for i, at := range came {
			if late := at.Sub(began) - time.Second - time.Duration(i)*100*time.Millisecond; late > time.Second {
				t.Errorf("message %d came %v late, want 1s at most", i, late)
				break
			}
		}
	})
}

// TestHealthMayBeAskedBeforeAndDuringTheStart, which the race detector checks.
func TestHealthMayBeAskedBeforeAndDuringTheStart(t *testing.T) {
	inTime(t, func(t *testing.T, cfg broker.Config, _ *amqp.Channel) {
		w := worker.New(worker.Config{Broker: cfg})
		w.Queue(worker.Queue{Name: "q", Exchange: "events"}).Handle("#", nothing)
		if w.Health().Ready {
			t.Error("the worker is ready before it runs")
		}
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for !w.Health().Ready {
				time.Sleep(time.Millisecond)
			}
		}()
		stop := inBackground(t, w.Run)
		<-asked
		stop()
	})
}

// TestDelaysOfAnExchangeAreSeenWhereTheyAreConsumed: of two workers with the same connections
// one consumes the parking queue of their exchange.
func TestDelaysOfAnExchangeAreSeenWhereTheyAreConsumed(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		shared := worker.NewConnections(broker.Config{URL: b.url, Dial: rabbit.Dial}, nil)
		hangUp := inBackground(t, shared.Run)
		defer hangUp()
		second := worker.New(worker.Config{Connections: shared, Fleet: &fleet.Config{}})
		other := worker.Queue{Name: b.queue.Name + "-other", Exchange: b.exchange}
		second.Queue(other).Handle("#", nothing)
		t.Cleanup(func() { b.removeQueue(other.Name) })
		r := b.run(nothing, inFleet, func(c *worker.Config) { c.Connections = shared })
		stop := inBackground(t, second.Run)
		<-second.Ready()
		b.publish("key", 1, broker.WithDelay(time.Hour/2), broker.WithMessageID("later"))
		parked := topology.ExchangeParking(b.exchange)
		o.eventually("the process has one parking queue of the exchange", func() bool {
			s, _ := o.find()
			n := 0
			for _, p := range s.Parking {
				if p.Queue == parked {
					n++
				}
			}
			return n == 1
		})
		if a := o.must(fleetwire.Command{Name: fleetwire.DelayList, Queue: parked, Limit: 1}); a.Delays == nil {
			t.Error("the answer has no list of delayed messages")
		}
		stop()
		if err := r.finish(); err != nil {
			t.Error(err)
		}
	})
}
