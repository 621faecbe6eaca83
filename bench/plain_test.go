package bench_test

import (
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/worker"
)

// plain is a consumer written by hand with amqp091-go.
type plain struct {
	decode func([]byte) error
	batch  int // how many messages one ack settles
}

// consume handles all messages with as many goroutines as q has.
func (p plain) consume(b *testing.B, url string, q worker.Queue) rate {
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
	if err := ch.Qos(q.Prefetch, 0, false); err != nil {
		b.Fatal(err)
	}
	return measure(messages, func() {
		deliveries, err := ch.Consume(q.Name, "", false, false, false, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		if q.Concurrency == 1 {
			p.loop(b, deliveries)
		} else {
			p.loops(b, ch, deliveries, q.Concurrency)
		}
	})
}

func (p plain) loop(b *testing.B, deliveries <-chan amqp.Delivery) {
	n := 0
	for d := range deliveries {
		if err := p.decode(d.Body); err != nil {
			b.Fatal(err)
		}
		if n++; n%p.batch != 0 && n < messages {
			continue
		}
		if err := d.Ack(p.batch > 1); err != nil {
			b.Fatal(err)
		}
		if n == messages {
			return
		}
	}
	b.Fatal("the channel was closed")
}

// loops decodes in several goroutines. With a batch, it acks what is done without a gap.
func (p plain) loops(b *testing.B, ch *amqp.Channel, deliveries <-chan amqp.Delivery, goroutines int) {
	var all sync.WaitGroup
	tags, end := make(chan uint64, messages), make(chan struct{})
	for range goroutines {
		all.Go(func() {
			for {
				select {
				case d := <-deliveries:
					if err := p.decode(d.Body); err != nil {
						b.Error(err)
					}
					if p.batch == 1 {
						if err := d.Ack(false); err != nil {
							b.Error(err)
						}
					}
					tags <- d.DeliveryTag
				case <-end:
					return
				}
			}
		})
	}
	p.ack(b, ch, tags)
	close(end)
	all.Wait()
}

func (p plain) ack(b *testing.B, ch *amqp.Channel, tags <-chan uint64) {
	done := make([]bool, messages+2)
	low, told := 0, 0 // the last message without a gap, and the last one acked
	for low < messages {
		done[<-tags] = true
		for done[low+1] {
			low++
		}
		if p.batch > 1 && (low-told >= p.batch || low == messages) {
			if err := ch.Ack(uint64(low), true); err != nil {
				b.Fatal(err)
			}
			told = low
		}
	}
}
