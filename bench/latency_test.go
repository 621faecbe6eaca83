package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	steady = 2000 // messages a second
	paced  = 4000 // messages of one measurement
)

// BenchmarkLatency compares the time from publish to handler at 2,000 messages a second with a
// loop over amqp091-go that publishes without waiting for confirms, and one that acks each
// message. Prefetch 100, one goroutine.
func BenchmarkLatency(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		b.Run(kind, func(b *testing.B) {
			url := rabbit.URL(b)
			q := worker.Queue{Name: rabbit.Queue(b), Type: kind, Prefetch: 100}
			declare(b, url, q)
			for range b.N {
				var plain, ours [][]time.Duration
				for range pairs {
					plain = append(plain, latencyPlain(b, url, q))
					ours = append(ours, latencyWarren(b, url, q))
				}
				for _, percent := range []int{50, 99} {
					at := func(all [][]time.Duration) float64 { return median(percentiles(all, percent)) }
					b.ReportMetric(at(plain), fmt.Sprintf("plain-p%d-ms", percent))
					b.ReportMetric(at(ours), fmt.Sprintf("warren-p%d-ms", percent))
				}
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// percentiles returns that percentile of each measurement, in milliseconds.
func percentiles(all [][]time.Duration, percent int) []float64 {
	out := make([]float64, len(all))
	for i, one := range all {
		slices.Sort(one)
		out[i] = one[len(one)*percent/100].Seconds() * 1000
	}
	return out
}

// stamped is a payload with the time at which it was to be published.
type stamped struct {
	payload
	At time.Time `json:"at"`
}

// pace calls publish at a steady rate. A publish that is late counts from when it was due.
func pace(publish func(stamped)) {
	began := time.Now()
	for i := range paced {
		due := began.Add(time.Duration(i) * time.Second / steady)
		time.Sleep(time.Until(due))
		publish(stamped{payload: kibibyte(), At: due})
	}
}

func latencyPlain(b *testing.B, url string, q worker.Queue) []time.Duration {
	b.Helper()
	received, channels := rabbit.Channel(b, url), rabbit.Channel(b, url)
	if err := received.Qos(q.Prefetch, 0, false); err != nil {
		b.Fatal(err)
	}
	deliveries, err := received.Consume(q.Name, "plain", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := channels.Confirm(false); err != nil {
		b.Fatal(err)
	}
	go pace(func(s stamped) {
		body, err := json.Marshal(s)
		if err != nil {
			b.Error(err)
		}
		if err := channels.PublishWithContext(b.Context(), "", q.Name, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "application/json", Body: body}); err != nil {
			b.Error(err)
		}
	})
	took := make([]time.Duration, 0, paced)
	for d := range deliveries {
		var s stamped
		if err := json.Unmarshal(d.Body, &s); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(s.At))
		if err := d.Ack(false); err != nil {
			b.Fatal(err)
		}
		if len(took) == paced {
			break
		}
	}
	if err := received.Cancel("plain", false); err != nil {
		b.Fatal(err)
	}
	return took
}

func latencyWarren(b *testing.B, url string, q worker.Queue) []time.Duration {
	b.Helper()
	took, all := make([]time.Duration, 0, paced), make(chan struct{})
	h := handler.Typed(func(_ context.Context, s stamped) error {
		if took = append(took, time.Since(s.At)); len(took) == paced {
			close(all)
		}
		return nil
	})
	p := broker.NewPublisher(broker.Config{URL: url}, "")
	if err := p.Publish(b.Context(), "no-such-queue", nil); !errors.Is(err, broker.ErrUnroutable) { // connects
		b.Fatal(err)
	}
	runHandler(b, url, q, h, func() {
		slots := make(chan struct{}, window)
		pace(func(s stamped) {
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				if err := p.Publish(b.Context(), q.Name, s); err != nil {
					b.Error(err)
				}
			}()
		})
		<-all
	})
	if err := p.Close(); err != nil {
		b.Error(err)
	}
	return took
}
