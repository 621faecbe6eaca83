package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// nothing is a handler that is content with every message.
var nothing = handler.Func(func(context.Context, *message.Message) error { return nil })

// silent is a listener that takes connections, counts them and never answers.
type silent struct {
	url   string
	count atomic.Int32
}

func newSilent(t *testing.T) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{url: "amqp://guest:secret-word@" + l.Addr().String() + "/"}
	var accepting sync.WaitGroup
	var held []net.Conn
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // the listener was closed
			}
			s.count.Add(1)
			held = append(held, c)
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // ends Accept; there is nothing else to lose
		accepting.Wait()
		for _, c := range held {
			_ = c.Close() // the worker has closed its end
		}
	})
	return s
}

// oneWorker is a worker of one queue that was never started.
func oneWorker(c worker.Config, q worker.Queue) *worker.Worker {
	w := worker.New(c)
	w.Queue(q).Handle("#", nothing)
	return w
}

// TestWrongConfigurationIsReportedWhole is design §9: every fault at once, and
// nothing is connected.
func TestWrongConfigurationIsReportedWhole(t *testing.T) {
	t.Parallel()
	listener := newSilent(t)
	w := worker.New(worker.Config{Broker: broker.Config{
		URLs: []string{listener.url, "amqp://guest:pass%word@host/", "http://host/"}, Heartbeat: -1, DialTimeout: -1,
	}})
	w.Queue(worker.Queue{Name: "bare"})
	w.Queue(worker.Queue{Name: "twice", Exchange: "events", Concurrency: -1, Prefetch: 1 << 16, MaxBodyBytes: -1}).Handle("#", nothing)
	w.Queue(worker.Queue{Name: "starved", Exchange: "events", Concurrency: 8, Prefetch: 4}).Handle("#", nothing)
	w.Queue(worker.Queue{Name: "twice", Exchange: "events", ExchangeKind: "direct", Concurrency: 40_000}).Handle("user.*", nothing)
	w.Queue(worker.Queue{
		Name: "warren.mine", MaxPriority: 11, DeliveryLimit: -1, MessageTTL: -1, MaxLength: -1,
		Retry: retry.Policy{Multiplier: 0.5, InitialInterval: -1},
	}).Handle("#", nothing)
	w.Queue(worker.Queue{Type: "lazy"}).Handle("#", nothing)
	w.Queue(worker.Queue{Name: "parts", Exchange: "events", Partitions: 100_000}).Handle("#", nothing)
	w.Queue(worker.Queue{Name: "parts.partition.3", Exchange: "events"}).Handle("#", nothing)
	err := w.Run(t.Context())
	if err == nil {
		t.Fatal("Run returned nil")
	}
	for _, want := range []string{
		"%-escape", "AMQP scheme", "Heartbeat is -1ns, want 0 or more", "DialTimeout is -1ns, want 0 or more",
		`queue "bare": no handler is registered`,
		`queue "parts": Partitions is 100000, want 2 to 64`, `queue "parts": Partitions is 100000 and OrderBy is nil`,
		`queue "parts.partition.3" is the partition of another queue`,
		`queue "starved": Prefetch is 4, want 8 or more: with less than the Concurrency some goroutines never get a message`,
		`queue "twice": Concurrency is -1, want 1 or more`, `queue "twice": Prefetch is 65536, want 0 to 65535`,
		`queue "twice": MaxBodyBytes is -1, want 0 or more`, `queue "twice" is registered twice`,
		`exchange "events" is direct, and topic for another queue`, `key "user.*" is a pattern, and a direct exchange has none`,
		`queue "twice": Concurrency 40000 needs a prefetch of 80000, want at most 65535`,
		`queue "warren.mine": names that begin with warren. or amq. are reserved`,
		`queue "warren.mine": MaxPriority is 11, want 0 to 10`, `queue "warren.mine": DeliveryLimit is -1, want 1 or more`,
		`queue "warren.mine": MessageTTL is -1ns`, `queue "warren.mine": MaxLength is -1`,
		"multiplier is 0.5, want 1 or more", "initial interval is -1ns, want more than 0",
		`queue "": the name is empty`, `Type is "lazy", want "quorum", "classic" or "stream"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), "pass%word") {
		t.Errorf("the error shows a password:\n%v", err)
	}
	if n := listener.count.Load(); n != 0 {
		t.Errorf("%d connections were made, want none", n)
	}
	if err := worker.New(worker.Config{}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no queue is registered") {
		t.Errorf("a worker without queues returned %v, want that no queue is registered", err)
	}
}

// TestRefusedAccessIsNamed is design §9: no endless retry, and never the password.
func TestRefusedAccessIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*url.URL)
		want   string
	}{
		{"credentials that are refused", func(u *url.URL) { u.User = url.UserPassword("guest", "secret-word") }, `user "guest"`},
		{"a virtual host that is missing", func(u *url.URL) { u.Path = "/no-such-vhost" }, `virtual host "no-such-vhost"`},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			u, err := url.Parse(rabbit.URL(t))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(u)
			var log bytes.Buffer
			began := time.Now()
			w := oneWorker(worker.Config{Broker: broker.Config{URL: u.String(), Dial: rabbit.Dial}, Logger: slog.New(slog.NewTextHandler(&log, nil))},
				worker.Queue{Name: rabbit.Queue(t)})
			err = w.Run(t.Context())
			if !errors.Is(err, broker.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run returned %v, want ErrRefused naming %s", err, tt.want)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v, want one attempt's time", took)
			}
			if said := err.Error() + log.String(); strings.Contains(said, "secret-word") {
				t.Errorf("the password is shown:\n%s", said)
			}
		})
	}
}

// TestStartupTimeout is what Run promises while there is no broker.
func TestStartupTimeout(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "amqp://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, url string }{
		{"nobody listens", nobody},
		{"who listens never answers", newSilent(t).url},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			w := oneWorker(worker.Config{Broker: broker.Config{URL: tt.url, StartupTimeout: 500 * time.Millisecond}},
				worker.Queue{Name: "unreached"})
			err := w.Run(t.Context())
			if !errors.Is(err, broker.ErrNotConnected) || !strings.Contains(err.Error(), "500ms") {
				t.Errorf("Run returned %v, want ErrNotConnected within 500ms", err)
			}
			if took := time.Since(began); took < 400*time.Millisecond || took > 4*time.Second {
				t.Errorf("it took %v, want 500ms", took)
			}
		})
	}
}

// TestStopBeforeTheFirstConnection: being told to stop is no error.
func TestStopBeforeTheFirstConnection(t *testing.T) {
	t.Parallel()
	listener := newSilent(t)
	w := oneWorker(worker.Config{Broker: broker.Config{URL: listener.url}}, worker.Queue{Name: "unreached"})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	rabbit.Eventually(t, patience, func() bool { return listener.count.Load() > 0 }, "it connects")
	if h := w.Health(); h.Ready || len(h.Reasons) != 3 {
		t.Errorf("health %+v, want not ready for three reasons: two connections and a queue", h)
	}
	began := time.Now()
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v to stop, want no time", took)
	}
}

func TestRunTwiceIsAnError(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(nothing)
		if err := r.worker.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "called twice") {
			t.Errorf("a second Run returned %v, want that it was called twice", err)
		}
		b.publish("key", 1) // the first is none the worse for it
		b.verdicts(1)
		if err := r.finish(); err != nil {
			t.Errorf("the first Run returned %v, want nil", err)
		}
		if err := r.worker.Run(t.Context()); err == nil {
			t.Error("Run after the end returned nil, want an error")
		}
	})
}

func TestRegisteringAPatternTwicePanics(t *testing.T) {
	t.Parallel()
	q := worker.New(worker.Config{}).Queue(worker.Queue{Name: "q"})
	q.Handle("user.*", nothing)
	q.Handle("user.#", nothing)
	defer func() {
		if v, ok := recover().(string); !ok || !strings.Contains(v, `"user.*" is registered already`) {
			t.Errorf("panic %q, want one that names the pattern", v)
		}
	}()
	q.Handle("user.*", nothing)
}
