package limit_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// service is a worker on a broker in memory, in virtual time.
type service struct {
	t      *testing.T
	cfg    broker.Config
	worker *worker.Worker
	stop   context.CancelFunc
	ended  chan error
}

func newService(t *testing.T) *service {
	t.Helper()
	b, err := devbroker.Pipe(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	cfg := broker.Config{URL: b.URL(), Dial: b.DialContext}
	return &service{t: t, cfg: cfg, worker: worker.New(worker.Config{Broker: cfg}), ended: make(chan error, 1)}
}

// run starts the worker and publishes n messages to each queue.
func (s *service) run(n int, queues ...string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.stop = cancel
	go func() { s.ended <- s.worker.Run(ctx) }()
	<-s.worker.Ready()
	for _, queue := range queues {
		for range n {
			if err := s.worker.Publisher("").Publish(s.t.Context(), queue, "hello"); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// end stops the worker.
func (s *service) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Error(err)
	}
}

// TestQueuesShareALimit: two queues with a concurrency of 4 each, and a limit of 3 for both.
func TestQueuesShareALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		stripe := limit.Concurrency("stripe", 3)
		var now, most, handled atomic.Int64
		h := handler.Func(func(context.Context, *message.Message) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			handled.Add(1)
			return nil
		})
		s.worker.Queue(worker.Queue{Name: "charges", Concurrency: 4, Middleware: []handler.Middleware{stripe}}).Handle("charges", h)
		s.worker.Queue(worker.Queue{Name: "refunds", Concurrency: 4}).Handle("refunds", stripe(h))
		s.run(12, "charges", "refunds")
		time.Sleep(9500 * time.Millisecond)
		s.end()
		if most.Load() != 3 || handled.Load() < 24 {
			t.Errorf("%d handlers ran at a time, and %d have run, want 3 and 24", most.Load(), handled.Load())
		}
	})
}

// TestAWaitSpendsNoTimeOfTheHandler, and a queue without the limit goes on.
func TestAWaitSpendsNoTimeOfTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		var limited, free, late atomic.Int64
		s.worker.Queue(worker.Queue{
			Name: "charges", Concurrency: 4, Timeout: 2 * time.Second,
			Middleware: []handler.Middleware{limit.For("charges", limit.Concurrency("stripe", 1))},
		}).Handle("charges", handler.Func(func(ctx context.Context, m *message.Message) error {
			time.Sleep(1500 * time.Millisecond)
			limited.Add(1)
			if ctx.Err() != nil || m.Attempt != 1 {
				late.Add(1)
			}
			return nil
		}))
		s.worker.Queue(worker.Queue{Name: "mails"}).Handle("mails", handler.Func(func(context.Context, *message.Message) error {
			free.Add(1)
			return nil
		}))
		s.run(4, "charges", "mails")
		time.Sleep(time.Second)
		if free.Load() != 4 {
			t.Errorf("the other queue has handled %d messages, want 4", free.Load())
		}
		time.Sleep(9 * time.Second)
		s.end()
		if limited.Load() != 4 || late.Load() != 0 {
			t.Errorf("%d messages were handled, %d of them too late or again, want 4 and 0", limited.Load(), late.Load())
		}
	})
}

// TestAWaitEndsWhenTheWorkerStops, without an attempt.
func TestAWaitEndsWhenTheWorkerStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		var handled atomic.Int64
		q := s.worker.Queue(worker.Queue{Name: "charges", Concurrency: 4, Middleware: []handler.Middleware{limit.Rate("stripe", 1, time.Hour)}})
		q.Handle("charges", handler.Func(func(context.Context, *message.Message) error {
			handled.Add(1)
			return nil
		}))
		var released atomic.Int64
		s.worker.Watch(func(e worker.Event) {
			if e, ok := e.(worker.Settled); ok && e.Outcome.Verdict == worker.Release && errors.Is(e.Outcome.Err, handler.ErrStopping) {
				released.Add(1)
			}
		})
		s.run(4, "charges")
		time.Sleep(time.Minute)
		began := time.Now()
		s.end()
		if handled.Load() != 1 || released.Load() != 3 || time.Since(began) > 5*time.Second {
			t.Errorf("%d were handled and %d released after %v, want 1 and 3 within 5 s", handled.Load(), released.Load(), time.Since(began))
		}
	})
}

// TestARateHoldsAcrossDeployments: a slot that rests goes on to rest in the next process.
func TestARateHoldsAcrossDeployments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		var handled atomic.Int64
		for range 3 {
			s.worker = worker.New(worker.Config{Broker: s.cfg})
			q := s.worker.Queue(worker.Queue{Name: "charges", Concurrency: 4, Middleware: []handler.Middleware{limit.Rate("stripe", 1, time.Hour)}})
			q.Handle("charges", handler.Func(func(context.Context, *message.Message) error {
				handled.Add(1)
				return nil
			}))
			s.run(2, "charges")
			time.Sleep(time.Minute)
			s.end()
		}
		if n := handled.Load(); n != 1 {
			t.Errorf("%d messages were handled in three minutes and three deployments, want 1 an hour", n)
		}
	})
}

// TestALimitThatIsNotSetUp is an error of the message or of Run.
func TestALimitThatIsNotSetUp(t *testing.T) {
	t.Parallel()
	h := limit.Concurrency("stripe", 1)(handler.Func(func(context.Context, *message.Message) error { return nil }))
	if err := h.Handle(t.Context(), &message.Message{}); err == nil || !strings.Contains(err.Error(), "not of a worker") {
		t.Errorf("outside a worker the error is %v", err)
	}
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1/"}})
	w.Queue(worker.Queue{Name: "a", Middleware: []handler.Middleware{limit.Concurrency("stripe", 1)}}).Handle("a", h)
	w.Queue(worker.Queue{Name: "b"}).Handle("b", limit.Concurrency("stripe", 2)(h))
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `named "stripe" and differ`) {
		t.Errorf("with two limits of one name, Run returned %v", err)
	}
	if n := len(w.Topology().Queues); n == 0 || !strings.HasPrefix(w.Topology().Queues[n-1].Name, "warren.limit.stripe.") {
		t.Errorf("the topology lacks the queues of the limit: %v", w.Topology().Queues)
	}
}

// TestLimitsInOppositeOrders is an error of Run: the handlers would wait for each other.
func TestLimitsInOppositeOrders(t *testing.T) {
	t.Parallel()
	type mw = handler.Middleware
	h := handler.Func(func(context.Context, *message.Message) error { return nil })
	a, b, c, rate := limit.Concurrency("a", 1), limit.Concurrency("b", 1), limit.Concurrency("c", 1), limit.Rate("r", 1, time.Second)
	pass := mw(func(next handler.Handler) handler.Handler {
		return handler.Func(next.Handle)
	})
	byKey := func(x, y mw) mw { return limit.ByKey(map[string]mw{"x": x, "y": y}) }
	for name, tt := range map[string]struct {
		first, second []mw // of two queues, the last one is of the handler
		want          string
	}{
		"the same order":                      {[]mw{a, b, c}, []mw{a, c, pass}, ""},
		"opposite orders":                     {[]mw{a, b, pass}, []mw{b, pass, a}, `"a" and "b" in opposite orders`},
		"another middleware between":          {[]mw{a, pass, b}, []mw{b, pass, a}, `"a" and "b" in opposite orders`},
		"a circle of three":                   {[]mw{a, b, c}, []mw{pass, c, a}, `"a" and "c" in opposite orders`},
		"one limit twice":                     {[]mw{a, pass, a}, []mw{pass}, `two slots of "a"`},
		"of alternatives one is taken":        {[]mw{byKey(a, b), pass}, []mw{byKey(b, a), pass}, ""},
		"alternatives, and one within":        {[]mw{byKey(a, b), c}, []mw{c, b}, `"b" and "c" in opposite orders`},
		"a limit and a rate of one name":      {[]mw{a, limit.Rate("a", 1, time.Second), pass}, []mw{pass}, ""},
		"a rate and a limit in both orders":   {[]mw{rate, b, pass}, []mw{b, rate, pass}, ""},
		"a rate between, in a circle":         {[]mw{a, rate, b}, []mw{b, rate, a}, `"a" and "b" in opposite orders`},
		"two for a handler, in another order": {[]mw{mw(func(h handler.Handler) handler.Handler { return a(b(h)) })}, []mw{b, a}, `"a" and "b" in opposite orders`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1/"}})
			for queue, mw := range map[string][]mw{"first": tt.first, "second": tt.second} {
				inner := len(mw) - 1
				w.Queue(worker.Queue{Name: queue, Middleware: mw[:inner]}).Handle("#", mw[inner](h))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // Run does not connect
			err := w.Run(ctx)
			if tt.want == "" && err != nil && strings.Contains(err.Error(), "limit:") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Run returned %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestLimitsThatPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"no name":               func() { limit.Concurrency("", 1) },
		"a name with dots":      func() { limit.Concurrency("a.b", 1) },
		"no slots":              func() { limit.Concurrency("a", 0) },
		"too many slots":        func() { limit.Concurrency("a", limit.MaxConcurrency+1) },
		"a rate of nothing":     func() { limit.Rate("a", 0, time.Second) },
		"a rate in no time":     func() { limit.Rate("a", 1, 0) },
		"a pattern that is bad": func() { limit.For("a#", limit.Concurrency("a", 1))(handler.Func(nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			f()
		})
	}
}

// TestTheMostSpecificKeyWins: outside a worker, a message with a limit is an error.
func TestTheMostSpecificKeyWins(t *testing.T) {
	t.Parallel()
	h := limit.ByKey(map[string]handler.Middleware{
		"order.*": limit.Concurrency("orders", 1), "order.sent": nil, "order.paid": limit.Concurrency("stripe", 1),
	})(handler.Func(func(context.Context, *message.Message) error { return nil }))
	for key, want := range map[string]string{"order.paid": `"stripe"`, "order.new": `"orders"`, "order.sent": "", "mail": ""} {
		err := h.Handle(t.Context(), &message.Message{RoutingKey: key})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("key %s: got %v, want an error with %q", key, err, want)
		}
	}
}
