package bench_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const calls = 5000 // of one measurement

// BenchmarkCall compares calls with ones that are written by hand with amqp091-go: direct
// reply-to on one channel, transient messages, and as many goroutines on both sides. Bodies are
// JSON of 1 KiB. The confirmed loop publishes with confirms, as Warren does; a request is also
// mandatory, and waits for its confirm. The bare loop has neither.
func BenchmarkCall(b *testing.B) {
	for _, kind := range []string{topology.Classic, topology.Quorum} {
		for _, callers := range []int{1, 16, 64} {
			q := worker.Queue{Type: kind, Concurrency: callers, Prefetch: 2 * callers}
			b.Run(fmt.Sprintf("%s/%d/bare", kind, callers), func(b *testing.B) { compareCalls(b, q, false) })
			b.Run(fmt.Sprintf("%s/%d/confirmed", kind, callers), func(b *testing.B) { compareCalls(b, q, true) })
		}
	}
}

func compareCalls(b *testing.B, q worker.Queue, confirmed bool) {
	b.Helper()
	url := rabbit.URL(b)
	q.Name = rabbit.Queue(b)
	declare(b, url, q)
	for range b.N {
		var theirs, ours []rate
		for range pairs {
			theirs = append(theirs, callPlain(b, url, q, confirmed))
			ours = append(ours, callWarren(b, url, q))
		}
		compare(b, theirs, ours)
	}
}

// concurrently makes all calls from as many goroutines as q has.
func concurrently(b *testing.B, q worker.Queue, call func() error) rate {
	b.Helper()
	return measure(calls, func() {
		todo := make(chan struct{}, calls)
		for range calls {
			todo <- struct{}{}
		}
		close(todo)
		var all sync.WaitGroup
		for range q.Concurrency {
			all.Go(func() {
				for range todo {
					if err := call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

func echo(_ context.Context, p payload) (payload, error) { return p, nil }

func callWarren(b *testing.B, url string, q worker.Queue) (r rate) {
	b.Helper()
	p := broker.NewPublisher(broker.Config{URL: url}, "")
	runHandler(b, url, q, handler.Replies(echo), func() {
		call := func() error {
			_, err := broker.Call[payload](b.Context(), p, q.Name, kibibyte())
			return err
		}
		if err := call(); err != nil { // connects
			b.Fatal(err)
		}
		r = concurrently(b, q, call)
	})
	if err := p.Close(); err != nil {
		b.Error(err)
	}
	return r
}

func callPlain(b *testing.B, url string, q worker.Queue, confirmed bool) rate {
	b.Helper()
	servers, replies, client := rabbit.Connect(b, url), rabbit.Channel(b, url), rabbit.Channel(b, url)
	if confirmed {
		if err := errors.Join(replies.Confirm(false), client.Confirm(false)); err != nil {
			b.Fatal(err)
		}
	}
	received, err := servers.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := received.Qos(q.Prefetch, 0, false); err != nil {
		b.Fatal(err)
	}
	requests, err := received.Consume(q.Name, "", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	for range q.Concurrency {
		all.Go(func() {
			for d := range requests {
				if err := answerPlain(b.Context(), replies, &d); err != nil {
					b.Error(err)
				}
			}
		})
	}
	c := newPlainCaller(b, client, q.Name)
	c.confirmed = confirmed
	r := concurrently(b, q, func() error { return c.call(b.Context()) })
	if err := servers.Close(); err != nil {
		b.Error(err)
	}
	all.Wait()
	return r
}

func answerPlain(ctx context.Context, ch *amqp.Channel, d *amqp.Delivery) error {
	var p payload
	if err := json.Unmarshal(d.Body, &p); err != nil {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return errors.Join(ch.PublishWithContext(ctx, "", d.ReplyTo, false, false, amqp.Publishing{
		ContentType: "application/json", CorrelationId: d.CorrelationId, Body: body,
	}), d.Ack(false))
}

// plainCaller is a caller written by hand.
type plainCaller struct {
	ch        *amqp.Channel
	queue     string
	confirmed bool

	mu      sync.Mutex
	waiting map[string]chan []byte
}

func newPlainCaller(b *testing.B, ch *amqp.Channel, queue string) *plainCaller {
	b.Helper()
	c := &plainCaller{ch: ch, queue: queue, waiting: make(map[string]chan []byte)}
	replies, err := ch.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for d := range replies {
			c.mu.Lock()
			reply := c.waiting[d.CorrelationId]
			delete(c.waiting, d.CorrelationId)
			c.mu.Unlock()
			reply <- d.Body
		}
	}()
	return c
}

func (c *plainCaller) call(ctx context.Context) error {
	body, err := json.Marshal(kibibyte())
	if err != nil {
		return err
	}
	id, reply := rand.Text(), make(chan []byte, 1)
	c.mu.Lock()
	c.waiting[id] = reply
	c.mu.Unlock()
	confirm, err := c.ch.PublishWithDeferredConfirmWithContext(ctx, "", c.queue, c.confirmed, false, amqp.Publishing{
		ContentType: "application/json", CorrelationId: id, ReplyTo: "amq.rabbitmq.reply-to", Body: body,
	})
	if err != nil {
		return err
	}
	if c.confirmed && !confirm.Wait() {
		return errors.New("not confirmed")
	}
	var p payload
	return json.Unmarshal(<-reply, &p)
}
