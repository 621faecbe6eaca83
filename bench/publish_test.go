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
)

// BenchmarkPublish compares 128 goroutines, each waiting for the confirm of its own
// message, with a hand-written sliding window of 1,000 from one goroutine.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		b.Run(kind, func(b *testing.B) {
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
				var plain, ours []rate
				for range pairs {
					plain = append(plain, publishPlain(b, url, queue))
					purge()
					ours = append(ours, publishWarren(b, url, queue))
					purge()
				}
				compare(b, plain, ours)
			}
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
				b.Error(err)
			}
		})
	}
}

// publishPlain keeps up to a window of messages unconfirmed.
func publishPlain(b *testing.B, url, queue string) rate {
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
	r := measure(func() {
		confirms := make([]*amqp.DeferredConfirmation, 0, messages)
		for i := range messages {
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
		for _, c := range confirms[messages-window:] {
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

func publishWarren(b *testing.B, url, queue string) rate {
	b.Helper()
	p := broker.NewPublisher(broker.Config{URL: url, PublishTimeout: time.Minute}, "")
	if err := p.Publish(b.Context(), queue, kibibyte()); err != nil { // connects
		b.Fatal(err)
	}
	r := measure(func() {
		var n atomic.Int64
		var all sync.WaitGroup
		for range publishers {
			all.Go(func() {
				for n.Add(1) <= messages {
					if err := p.Publish(b.Context(), queue, kibibyte()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	})
	if err := p.Close(); err != nil {
		b.Error(err)
	}
	return r
}
