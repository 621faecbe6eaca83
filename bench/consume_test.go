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
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const (
	messages = 20_000 // of one measurement
	pairs    = 5      // measurements of each kind, taken in turn
	prefetch = 100
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

// rate is what one measurement gives.
type rate struct{ perSecond, allocs float64 }

// measure runs work, which handles the messages.
func measure(work func()) rate {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	work()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return rate{messages / took.Seconds(), float64(after.Mallocs-before.Mallocs) / messages}
}

// BenchmarkConsume compares Warren with a plain loop that decodes and acks each
// message: persistent messages of 1 KiB, prefetch 100. With one hand Warren does
// just what the loop does; with sixteen it pays for handing messages around.
func BenchmarkConsume(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		for _, concurrency := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/concurrency=%d", kind, concurrency), func(b *testing.B) {
				consume(b, worker.Queue{Name: rabbit.Queue(b), Type: kind, Prefetch: prefetch, Concurrency: concurrency})
			})
		}
	}
}

func consume(b *testing.B, q worker.Queue) {
	url := rabbit.URL(b)
	declare(b, url, q)
	for range b.N {
		var plain, ours []rate
		for range pairs {
			fill(b, url, q.Name, messages)
			plain = append(plain, consumePlain(b, url, q.Name))
			fill(b, url, q.Name, messages)
			ours = append(ours, consumeWarren(b, url, q))
		}
		compare(b, plain, ours)
	}
}

// compare reports the medians, and the median of the ratios pair by pair.
func compare(b *testing.B, plain, ours []rate) {
	ratios := make([]float64, len(plain))
	for i := range plain {
		ratios[i] = ours[i].perSecond / plain[i].perSecond
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(pick(plain, func(r rate) float64 { return r.perSecond })), "plain-msg/s")
	b.ReportMetric(median(pick(ours, func(r rate) float64 { return r.perSecond })), "warren-msg/s")
	b.ReportMetric(median(pick(ours, func(r rate) float64 { return r.allocs }))-median(pick(plain, func(r rate) float64 { return r.allocs })), "more-allocs/msg")
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
	run(b, url, q, func(context.Context, payload) error { return nil }, func() {})
	b.Cleanup(func() {
		ch := rabbit.Channel(b, url)
		for _, name := range []string{q.Name, topology.DeadLetterQueue(q.Name), topology.ParkingQueue(q.Name), "warren.delay.for." + q.Name} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				b.Error(err)
			}
		}
	})
}

func run(b *testing.B, url string, q worker.Queue, handle func(context.Context, payload) error, during func()) {
	b.Helper()
	runHandler(b, url, q, handler.Typed(handle), during)
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

func fill(b *testing.B, url, queue string, n int) {
	b.Helper()
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

func consumePlain(b *testing.B, url, queue string) rate {
	b.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil { // or it would take from the next measurement
			b.Error(err)
		}
	}()
	ch, err := conn.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := ch.Qos(prefetch, 0, false); err != nil {
		b.Fatal(err)
	}
	r := measure(func() {
		deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		plainLoop(b, deliveries)
	})
	return r
}

func plainLoop(b *testing.B, deliveries <-chan amqp.Delivery) {
	n := 0
	for d := range deliveries {
		var p payload
		if err := json.Unmarshal(d.Body, &p); err != nil {
			b.Fatal(err)
		}
		if err := d.Ack(false); err != nil {
			b.Fatal(err)
		}
		if n++; n == messages {
			return
		}
	}
	b.Fatal("the channel was closed")
}

func consumeWarren(b *testing.B, url string, q worker.Queue) (r rate) {
	b.Helper()
	var n atomic.Int64
	begin, last := make(chan struct{}), make(chan struct{})
	handle := func(context.Context, payload) error {
		<-begin
		if n.Add(1) == messages {
			close(last)
		}
		return nil
	}
	run(b, url, q, handle, func() {
		r = measure(func() {
			close(begin)
			<-last
		})
	})
	return r
}
