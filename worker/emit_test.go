package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

var errHandler = errors.New("the handler failed")

// emits runs a worker whose handler for "first" emits a message "next", and returns what
// arrives with other keys, once the message "last" has.
func (b *bench) emits(first func(ctx context.Context, emit func(key string) error) error, change ...func(*worker.Config)) (arrived []message.Message) {
	b.t.Helper()
	var mu sync.Mutex
	b.queue.Concurrency = 1
	b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
		if m.RoutingKey == "first" {
			return first(ctx, func(key string) error { return b.pub.Emit(ctx, key, key) })
		}
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, *m)
		return nil
	}), change...)
	b.publish("first", 1, broker.WithMessageID("1"))
	b.eventually("the message is settled", func() bool {
		return slices.ContainsFunc(b.settled(), func(s worker.Settled) bool {
			return s.Message.RoutingKey == "first" && s.Outcome.Verdict != worker.Retry
		})
	})
	b.publish("last", 1)
	b.eventually("the last message arrives", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived) > 0 && arrived[len(arrived)-1].RoutingKey == "last"
	})
	mu.Lock()
	defer mu.Unlock()
	return arrived[:len(arrived)-1]
}

// firstSettled returns what became of the message "first" in its first attempt.
func (b *bench) firstSettled() worker.Settled {
	all := b.settled()
	return all[slices.IndexFunc(all, func(s worker.Settled) bool { return s.Message.RoutingKey == "first" })]
}

func TestAHandlerThatFailsEmitsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		handler func(context.Context) error
		verdict worker.Verdict
		reason  string
		arrive  int
	}{
		{"it returns nil", func(context.Context) error { return nil }, worker.Ack, "", 1},
		{"it returns an error", func(context.Context) error { return errHandler }, worker.DeadLetter, message.ReasonError, 0},
		{"it panics", func(context.Context) error { panic("oh") }, worker.DeadLetter, message.ReasonPanic, 0},
		{"it discards its message", func(context.Context) error { return retry.Discard(errHandler) }, worker.Discard, "", 0},
		{"it overruns its time", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, worker.DeadLetter, message.ReasonTimeout, 0},
		{"it returns nil too late", func(ctx context.Context) error { <-ctx.Done(); return nil }, worker.DeadLetter, message.ReasonTimeout, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.queue.Retry.MaxAttempts = 1
				if tt.reason == message.ReasonTimeout {
					b.queue.Timeout = time.Second
				}
				arrived := b.emits(func(ctx context.Context, emit func(string) error) error {
					if err := emit("next"); err != nil {
						t.Error(err)
					}
					return tt.handler(ctx)
				})
				s := b.firstSettled()
				if s.Outcome.Verdict != tt.verdict || s.Outcome.Reason != tt.reason || len(arrived) != tt.arrive || len(s.Emitted) != tt.arrive {
					t.Errorf("the outcome is %+v, %d messages arrived, and the event has %d; want %v (%s) and %d",
						s.Outcome, len(arrived), len(s.Emitted), tt.verdict, tt.reason, tt.arrive)
				}
			})
		})
	}
}

// TestAnUnconfirmedMessageFailsTheHandling: the handler runs again, and the messages that were
// confirmed come again with the same ids.
func TestAnUnconfirmedMessageFailsTheHandling(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		nowhere := broker.NewPublisher(broker.Config{URL: b.url, Dial: rabbit.Dial}, "")
		defer func() {
			if err := nowhere.Close(); err != nil {
				t.Error(err)
			}
		}()
		runs := 0
		arrived := b.emits(func(ctx context.Context, emit func(string) error) error {
			err := errors.Join(emit("next"), emit("next"))
			if runs++; runs == 1 {
				err = errors.Join(err, nowhere.Emit(ctx, b.queue.Name+"-missing", 1))
			}
			return err
		})
		out := b.firstSettled().Outcome
		if out.Verdict != worker.Retry || !errors.Is(out.Err, broker.ErrUnroutable) || !strings.Contains(out.Err.Error(), "1 of 3 messages were not confirmed") {
			t.Errorf("the first outcome is %+v, want a retry because one of 3 messages is unroutable", out)
		}
		var ids []string
		for _, m := range arrived {
			ids = append(ids, m.ID)
		}
		if len(ids) != 4 || !slices.Equal(ids[:2], ids[2:]) || ids[0] == ids[1] {
			t.Errorf("the messages that arrived have the ids %q, want two ids and both again", ids)
		}
	})
}

func TestEmitOutsideOfAHandlerIsAnError(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		check := func(where string, err error) {
			if !errors.Is(err, broker.ErrNoHandler) {
				t.Errorf("Emit returned %v %s, want ErrNoHandler", err, where)
			}
		}
		check("without a worker", b.pub.Emit(t.Context(), "next", 1))
		handlers := make(chan context.Context, 1)
		outside := func(next handler.Handler) handler.Handler {
			return handler.Func(func(ctx context.Context, m *message.Message) error {
				check("in a middleware", b.pub.Emit(ctx, "next", 1))
				err := next.Handle(ctx, m)
				if m.RoutingKey == "first" {
					check("after the handler", b.pub.Emit(<-handlers, "next", 1))
				}
				return err
			})
		}
		arrived := b.emits(func(ctx context.Context, _ func(string) error) error {
			handlers <- ctx
			return nil
		}, func(c *worker.Config) { c.Middleware = []handler.Middleware{outside} })
		if len(arrived) != 0 {
			t.Errorf("%d messages arrived, want 0", len(arrived))
		}
	})
}

func TestAHandlerOfABatchCannotEmit(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		emitted := make(chan error, 1)
		b.batches(2, 10*time.Millisecond, func(ctx context.Context, _ []row) error {
			emitted <- b.pub.Emit(ctx, "next", 1)
			return nil
		})
		b.publish("key", row{1})
		if err := <-emitted; !errors.Is(err, broker.ErrNoHandler) || !strings.Contains(err.Error(), "a handler of a batch cannot emit") {
			t.Errorf("Emit returned %v in a batch, want ErrNoHandler with the reason", err)
		}
	})
}

// TestEachRunOfAHandlerEmitsForItself: a middleware that runs the handler several times for one
// delivery mixes up nothing, even if a run goes on when the next one begins.
func TestEachRunOfAHandlerEmitsForItself(t *testing.T) {
	t.Parallel()
	again := middleware.Retry(retry.Policy{MaxAttempts: 2, InitialInterval: time.Millisecond})
	for _, tt := range []struct {
		name   string
		around bool // the middleware wraps the handler alone
	}{{"the queue's middleware", false}, {"a handler's middleware", true}} {
		t.Run(tt.name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				runs := 0
				one := func(ctx context.Context) error {
					runs++
					if err := b.pub.Emit(ctx, "next", runs); err != nil {
						t.Error(err)
					}
					if runs == 1 {
						return errHandler
					}
					return nil
				}
				if !tt.around {
					b.queue.Middleware = []handler.Middleware{again}
				}
				arrived := b.emits(func(ctx context.Context, _ func(string) error) error {
					if !tt.around {
						return one(ctx)
					}
					return handler.Chain(handler.Func(func(ctx context.Context, _ *message.Message) error { return one(ctx) }), again).Handle(ctx, message.FromContext(ctx))
				})
				if len(arrived) != 1 || string(arrived[0].Body) != "2" {
					t.Errorf("%d messages arrived, want the one of the second run", len(arrived))
				}
			})
		})
	}
}

// TestARunThatAMiddlewareLeftBehindEmitsNothing, neither into the next run nor after the outcome.
func TestARunThatAMiddlewareLeftBehindEmitsNothing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 1
		left := make(chan struct{})
		var behind sync.WaitGroup
		b.queue.Middleware = []handler.Middleware{func(next handler.Handler) handler.Handler {
			return handler.Func(func(ctx context.Context, m *message.Message) error {
				if m.RoutingKey != "first" {
					return next.Handle(ctx, m)
				}
				begun := make(chan struct{})
				behind.Go(func() {
					if err := next.Handle(context.WithValue(ctx, begunKey{}, begun), m); err == nil {
						t.Error("the run that was left behind returned nil, want an error")
					}
				})
				<-begun
				return errors.Join(next.Handle(ctx, m), errHandler)
			})
		}}
		arrived := b.emits(func(ctx context.Context, emit func(string) error) error {
			if begun, first := ctx.Value(begunKey{}).(chan struct{}); first {
				err := emit("behind")
				close(begun)
				<-left
				return err
			}
			return emit("next")
		})
		close(left)
		behind.Wait()
		b.publish("end", 1)
		b.verdicts(4)
		if len(arrived) != 1 || arrived[0].RoutingKey != "next" || len(b.settled()) != 4 {
			t.Errorf("%d messages arrived and %d were settled, want what the second run emitted alone", len(arrived), len(b.settled()))
		}
	})
}

type begunKey struct{}

// confirmedFirst is a store that notes whether the emitted message was confirmed when a claim is completed.
type confirmedFirst struct {
	dedupe.Store
	depth func() int
	seen  chan int
}

func (c confirmedFirst) Complete(ctx context.Context, key string, token dedupe.Token) error {
	c.seen <- c.depth()
	return c.Store.Complete(ctx, key, token)
}

// TestDedupeCompletesItsMarkAfterTheConfirms, also if it wraps the handler alone.
func TestDedupeCompletesItsMarkAfterTheConfirms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		around bool
	}{{"the queue's middleware", false}, {"a handler's middleware", true}} {
		t.Run(tt.name, func(t *testing.T) {
			rabbit.Test(t, func(t *testing.T) {
				b := newBench(t)
				sink := rabbit.Queue(t)
				if _, err := b.channel.QueueDeclare(sink, true, false, false, false, nil); err != nil {
					t.Fatal(err)
				}
				defer func() {
					if _, err := b.channel.QueueDelete(sink, false, false, false); err != nil {
						t.Error(err)
					}
				}()
				store := confirmedFirst{dedupe.NewMemory(time.Hour, 100), func() int { return b.depth(sink) }, make(chan int, 1)}
				mw := middleware.Dedupe(store)
				var direct *broker.Publisher
				var h handler.Handler = handler.Func(func(ctx context.Context, _ *message.Message) error { return direct.Emit(ctx, sink, 1) })
				if tt.around {
					h = handler.Chain(h, mw)
				} else {
					b.queue.Middleware = []handler.Middleware{mw}
				}
				b.runWith(func(w *worker.Worker) { direct = w.Publisher("") }, map[string]handler.Handler{"#": h})
				b.publish("key", 1)
				if n := <-store.seen; n != 1 {
					t.Errorf("%d messages had arrived when the claim was completed, want 1", n)
				}
			})
		})
	}
}

// unsent is a codec that counts the messages that were not published.
type unsent struct {
	handler.Codec
	count chan string
}

func (u unsent) Unsent(_ context.Context, m *message.Message) { u.count <- m.RoutingKey }

func TestUnsentIsCalledForMessagesThatAreNotPublished(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 1
		codec := unsent{handler.JSON(), make(chan string, 2)}
		b.emits(func(ctx context.Context, _ func(string) error) error {
			return errors.Join(b.pub.Emit(ctx, "next", 1, broker.WithCodec(codec)), errHandler)
		})
		if len(codec.count) != 1 || <-codec.count != "next" {
			t.Error("Unsent was not called once")
		}
	})
}

// TestAnEmittedMessageBelongsToTheHandlersSpan: it is published after the handler, in the span in
// which it was emitted.
func TestAnEmittedMessageBelongsToTheHandlersSpan(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b, made := newBench(t), tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(made))
		var pub *broker.Publisher
		var inside trace.SpanContext
		var next string
		b.runWith(func(w *worker.Worker) { pub = w.Publisher(b.exchange) }, map[string]handler.Handler{
			"first": handler.Func(func(ctx context.Context, _ *message.Message) error {
				ctx, span := provider.Tracer("test").Start(ctx, "inside")
				defer span.End()
				inside = span.SpanContext()
				return pub.Emit(ctx, "next", 1)
			}),
			"next": handler.Func(func(_ context.Context, m *message.Message) error {
				next = m.Headers.String("traceparent")
				return nil
			}),
		}, func(c *worker.Config) { c.TracerProvider, c.Broker.TracerProvider = provider, provider })
		b.publish("first", 1)
		b.verdicts(2)
		if !strings.Contains(next, inside.TraceID().String()) {
			t.Errorf("the message has the trace %q, want %s", next, inside.TraceID())
		}
		publish := slices.IndexFunc(made.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.Parent().SpanID() == inside.SpanID() })
		if publish < 0 || !strings.Contains(next, made.Ended()[publish].SpanContext().SpanID().String()) {
			t.Errorf("the message has the trace %q, want a span of its publish whose parent is the span of Emit", next)
		}
	})
}
