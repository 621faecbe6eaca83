package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
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

const (
	messages = 20_000 // of one measurement
	pairs    = 5      // measurements of each kind, taken in turn
)

// payload is 1 KiB as JSON.
type payload struct {
	ID   int      `json:"id"`
	Name string   `json:"name"`
	Tags []string `json:"tags"`
	Text string   `json:"text"`
}

func kibibyte() payload {
	p := payload{ID: 42, Name: "a name of some length", Tags: []string{"one", "two", "three"}}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	p.Text = strings.Repeat("x", 1024-len(body))
	return p
}

// rate is what one measurement gives: messages a second, and what this process spends on a
// message. Its CPU time depends less on what else the machine does.
type rate struct{ perSecond, cpu, allocs, bytes float64 }

// measure runs work, which handles n messages.
func measure(n int, work func()) rate {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, cpu := time.Now(), cpuTime()
	work()
	took, spent := time.Since(began), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	return rate{float64(n) / took.Seconds(), float64(spent.Microseconds()) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}
}

// cpuTime returns the CPU time that this process has spent.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkConsume compares Warren with amqp091-go loops of as many goroutines that decode
// persistent messages of 1 KiB: one acks each message, one acks a quarter of the prefetch at
// once. Untyped compares a handler that does nothing with a loop that does not decode.
func BenchmarkConsume(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		for _, size := range []struct{ prefetch, concurrency int }{{100, 1}, {250, 4}, {50, 16}} {
			q := worker.Queue{Type: kind, Prefetch: size.prefetch, Concurrency: size.concurrency}
			name := fmt.Sprintf("%s/%dx%d", kind, size.prefetch, size.concurrency)
			b.Run(name+"/each", func(b *testing.B) { consume(b, q, plain{decode: decoded, batch: 1}, handler.Typed(accept)) })
			b.Run(name+"/coalesced", func(b *testing.B) {
				consume(b, q, plain{decode: decoded, batch: q.Prefetch / 4}, handler.Typed(accept))
			})
			b.Run(name+"/untyped", func(b *testing.B) {
				nothing := handler.Func(func(context.Context, *message.Message) error { return nil })
				consume(b, q, plain{decode: func([]byte) error { return nil }, batch: q.Prefetch / 4}, nothing)
			})
		}
	}
}

func accept(context.Context, payload) error { return nil }

func decoded(body []byte) error {
	var p payload
	return json.Unmarshal(body, &p)
}

func consume(b *testing.B, q worker.Queue, loop plain, h handler.Handler) {
	url := rabbit.URL(b)
	q.Name = rabbit.Queue(b)
	declare(b, url, q)
	for range b.N {
		var theirs, ours []rate
		for range pairs {
			fill(b, url, q.Name, messages)
			theirs = append(theirs, loop.consume(b, url, q))
			fill(b, url, q.Name, messages)
			ours = append(ours, consumeWarren(b, url, q, h))
		}
		compare(b, theirs, ours)
	}
}

// compare reports the medians, and the median of the ratios pair by pair.
func compare(b *testing.B, plain, ours []rate) {
	ratios := make([]float64, len(plain))
	for i := range plain {
		ratios[i] = ours[i].perSecond / plain[i].perSecond
	}
	middle := func(of []rate, field func(rate) float64) float64 { return median(pick(of, field)) }
	perSecond := func(r rate) float64 { return r.perSecond }
	cpu := func(r rate) float64 { return r.cpu }
	allocs, bytes := func(r rate) float64 { return r.allocs }, func(r rate) float64 { return r.bytes }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(middle(plain, perSecond), "plain-msg/s")
	b.ReportMetric(middle(ours, perSecond), "warren-msg/s")
	b.ReportMetric(middle(plain, cpu), "plain-cpu-us/msg")
	b.ReportMetric(middle(ours, cpu), "warren-cpu-us/msg")
	b.ReportMetric(middle(ours, allocs)-middle(plain, allocs), "more-allocs/msg")
	b.ReportMetric(middle(ours, bytes)-middle(plain, bytes), "more-B/msg")
}

func pick(rates []rate, field func(rate) float64) []float64 {
	out := make([]float64, len(rates))
	for i, r := range rates {
		out[i] = field(r)
	}
	return out
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// declare makes the queue by running a worker on it once.
func declare(b *testing.B, url string, q worker.Queue) {
	b.Helper()
	runHandler(b, url, q, handler.Typed(accept), func() {})
	b.Cleanup(func() {
		ch := rabbit.Channel(b, url)
		for _, name := range []string{q.Name, topology.DeadLetterQueue(q.Name), topology.ParkingQueue(q.Name), "warren.delay.for." + q.Name} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				b.Error(err)
			}
		}
	})
}

// runHandler runs a worker while during runs, and stops it.
func runHandler(b *testing.B, url string, q worker.Queue, h handler.Handler, during func()) {
	b.Helper()
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
	w.Queue(q).Handle("#", h)
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	rabbit.Eventually(b, 30*time.Second, func() bool { return w.Health().Ready }, "the worker is ready")
	during()
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// fill leaves n messages in the queue. Acks of the measurement before may have been lost when
// its connection was closed, so messages may be left.
func fill(b *testing.B, url, queue string, n int) {
	b.Helper()
	if _, err := rabbit.Channel(b, url).QueuePurge(queue, false); err != nil {
		b.Fatal(err)
	}
	p := broker.NewPublisher(broker.Config{URL: url}, "")
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: queue, Body: kibibyte()}
	}
	if err := p.PublishBatch(b.Context(), items...); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
}

func consumeWarren(b *testing.B, url string, q worker.Queue, h handler.Handler) (r rate) {
	b.Helper()
	var n atomic.Int64
	begin, last := make(chan struct{}), make(chan struct{})
	counted := handler.Func(func(ctx context.Context, m *message.Message) error {
		<-begin
		if n.Add(1) == messages {
			defer close(last)
		}
		return h.Handle(ctx, m)
	})
	runHandler(b, url, q, counted, func() {
		r = measure(messages, func() {
			close(begin)
			<-last
		})
	})
	return r
}
