package bench_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

const (
	publishers = 128
	window     = 1000
	alone      = messages / 10 // messages that are published one at a time
)

// BenchmarkPublish compares Warren with loops of one goroutine over amqp091-go. One at a time:
// each waits for the confirm before the next message. Goroutines: 128 goroutines that wait for
// their own confirms, and a sliding window of 1,000. Batches: PublishBatch of 1,000, and the
// same window.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		b.Run(kind+"/one-at-a-time", func(b *testing.B) {
			besidePlain(b, kind, func(url, queue string) rate { return publishPlain(b, url, queue, alone, 1) },
				func(p *broker.Publisher, queue string) rate { return publishFrom(b, p, queue, alone, 1) })
		})
		b.Run(kind+"/goroutines", func(b *testing.B) {
			besidePlain(b, kind, func(url, queue string) rate { return publishPlain(b, url, queue, messages, window) },
				func(p *broker.Publisher, queue string) rate { return publishFrom(b, p, queue, messages, publishers) })
		})
		b.Run(kind+"/batches", func(b *testing.B) {
			besidePlain(b, kind, func(url, queue string) rate { return publishPlain(b, url, queue, messages, window) },
				func(p *broker.Publisher, queue string) rate { return publishBatches(b, p, queue) })
		})
	}
}

// besidePlain measures both in turn, on one queue.
func besidePlain(b *testing.B, kind string, theirs func(url, queue string) rate, ours func(*broker.Publisher, string) rate) {
	b.Helper()
	url, queue := rabbit.URL(b), rabbit.Queue(b)
	ch := rabbit.Channel(b, url)
	if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
		b.Fatal(err)
	}
	purge := func() {
		if _, err := ch.QueuePurge(queue, false); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		var plain, warren []rate
		for range pairs {
			plain = append(plain, theirs(url, queue))
			purge()
			warren = append(warren, withPublisher(b, url, queue, ours))
			purge()
		}
		compare(b, plain, warren)
	}
	if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
		b.Error(err)
	}
}

// publishPlain publishes n messages and keeps up to a window of them unconfirmed.
func publishPlain(b *testing.B, url, queue string, n, window int) rate {
	b.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		b.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		b.Fatal(err)
	}
	r := measure(n, func() {
		confirms := make([]*amqp.DeferredConfirmation, 0, n)
		for i := range n {
			if i >= window && !confirms[i-window].Wait() {
				b.Fatal("nacked")
			}
			body, err := json.Marshal(kibibyte())
			if err != nil {
				b.Fatal(err)
			}
			c, err := ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "application/json", Body: body})
			if err != nil {
				b.Fatal(err)
			}
			confirms = append(confirms, c)
		}
		for _, c := range confirms[n-window:] {
			if !c.Wait() {
				b.Fatal("nacked")
			}
		}
	})
	if err := conn.Close(); err != nil {
		b.Error(err)
	}
	return r
}

// withPublisher measures with a publisher that is connected.
func withPublisher(b *testing.B, url, queue string, ours func(*broker.Publisher, string) rate) rate {
	b.Helper()
	p := broker.NewPublisher(broker.Config{URL: url, PublishTimeout: time.Minute}, "")
	if err := p.Publish(b.Context(), queue, kibibyte()); err != nil {
		b.Fatal(err)
	}
	r := ours(p, queue)
	if err := p.Close(); err != nil {
		b.Error(err)
	}
	return r
}

// publishFrom publishes n messages from several goroutines, each of which waits for its confirm.
func publishFrom(b *testing.B, p *broker.Publisher, queue string, n, goroutines int) rate {
	b.Helper()
	return measure(n, func() {
		var begun atomic.Int64
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for begun.Add(1) <= int64(n) {
					if err := p.Publish(b.Context(), queue, kibibyte()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func publishBatches(b *testing.B, p *broker.Publisher, queue string) rate {
	b.Helper()
	return measure(messages, func() {
		items := make([]broker.Item, window)
		for range messages / window {
			for i := range items {
				items[i] = broker.Item{Key: queue, Body: kibibyte()}
			}
			if err := p.PublishBatch(b.Context(), items...); err != nil {
				b.Fatal(err)
			}
		}
	})
}
