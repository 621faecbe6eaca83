package amqp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// exchangeWithQueue declares a topic exchange with one queue behind the key "in".
func exchangeWithQueue(t *testing.T, url string, args amqp091.Table) (exchange, queue string, ch *amqp091.Channel) {
	t.Helper()
	ch = rabbit.Channel(t, url)
	exchange, queue = rabbit.Queue(t)+"-x", rabbit.Queue(t)
	if err := ch.ExchangeDeclare(exchange, "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, "in", exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch := rabbit.Channel(t, url)
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
		if err := ch.ExchangeDelete(exchange, false, false); err != nil {
			t.Error(err)
		}
	})
	return exchange, queue, ch
}

func publisher(t *testing.T, cfg amqp.Config, exchange string) *broker.Publisher {
	t.Helper()
	p := broker.NewPublisher(broker.Config(reaching(cfg)), exchange)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// place is where a message is published.
type place struct{ url, exchange, key string }

// TestPublishReturnsNilOnlyForConfirmedAndRoutedMessages is promise 8.
func TestPublishReturnsNilOnlyForConfirmedAndRoutedMessages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(at *place)
		want   error
	}{
		{"nil when it is in a queue", func(*place) {}, nil},
		{"no binding is unroutable", func(at *place) { at.key = "nowhere" }, amqp.ErrUnroutable},
		{"a missing exchange is unroutable", func(at *place) { at.exchange += "-missing" }, amqp.ErrUnroutable},
		{"no queue of that name is unroutable", func(at *place) { at.exchange, at.key = "", at.exchange }, amqp.ErrUnroutable},
		{"wrong credentials are refused", func(at *place) { at.url = strings.Replace(at.url, "guest:guest@", "guest:wrong-password@", 1) }, amqp.ErrRefused},
		{"a missing virtual host is refused", func(at *place) { at.url += "no-such-vhost" }, amqp.ErrRefused},
		{"a port without a listener is not connected", func(at *place) { at.url = "amqp://127.0.0.1:1/" }, amqp.ErrNotConnected},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			at := place{url: rabbit.URL(t), key: "in"}
			at.exchange, _, _ = exchangeWithQueue(t, at.url, nil)
			tt.change(&at)
			p := publisher(t, amqp.Config{URL: at.url, PublishTimeout: 5 * time.Second}, at.exchange)
			err := p.Publish(t.Context(), at.key, "hello")
			if !errors.Is(err, tt.want) {
				t.Errorf("Publish returned %v, want %v", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
	rabbit.Run(t, "a full queue refuses", func(t *testing.T) {
		url := rabbit.URL(t)
		_, full, ch := exchangeWithQueue(t, url, amqp091.Table{"x-max-length": 2, "x-overflow": "reject-publish"})
		p := publisher(t, amqp.Config{URL: url}, "")
		var err error
		for range 20 {
			if err = p.Publish(t.Context(), full, 1); err != nil {
				break
			}
		}
		if !errors.Is(err, amqp.ErrNacked) {
			t.Errorf("Publish returned %v, want ErrNacked", err)
		}
		if n := rabbit.Depth(t, ch, full); n > 3 {
			t.Errorf("%d messages in the queue, want no more than the limit", n)
		}
	})
	rabbit.Run(t, "a closed publisher says so", func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, _, _ := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(t.Context(), "in", 1); !errors.Is(err, amqp.ErrClosed) {
			t.Errorf("Publish returned %v, want ErrClosed", err)
		}
	})
}

// TestPublishWhileBlocked is promise 8: with its memory alarm the broker takes
// nothing and answers nothing, and the context is obeyed all the same.
func TestPublishWhileBlocked(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		exchange, queue, ch := exchangeWithQueue(t, node.URL(), nil)
		p := publisher(t, amqp.Config{URL: node.URL()}, exchange)
		if err := p.Publish(t.Context(), "in", 1); err != nil {
			t.Fatal(err)
		}
		node.Block(t)
		rabbit.Eventually(t, 30*time.Second, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := p.Publish(ctx, "in", 2)
			return errors.Is(err, amqp.ErrBlocked) && errors.Is(err, context.DeadlineExceeded)
		}, "Publish says that the broker has blocked it")
		before := rabbit.Depth(t, ch, queue)
		result := make(chan error, 1)
		go func() { result <- p.Publish(t.Context(), "in", 3) }()
		node.Unblock(t)
		if err := <-result; err != nil {
			t.Errorf("Publish returned %v once the alarm was over, want nil", err)
		}
		if after := rabbit.Depth(t, ch, queue); after <= before {
			t.Errorf("%d messages after, %d before: nothing arrived", after, before)
		}
	})
}

// TestPublishWhenTheConnectionIsLost is promise 8: a message on its way is reported
// as not confirmed, and the next one goes over a new connection.
func TestPublishWhenTheConnectionIsLost(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		proxy := rabbit.NewProxy(t, url)
		exchange, _, _ := exchangeWithQueue(t, url, nil)
		s := runSender(t, amqp.Config{URL: proxy.URL()})
		p := broker.PublisherOver(s, exchange)
		if err := p.Publish(t.Context(), "in", 1); err != nil {
			t.Fatal(err)
		}
		proxy.Delay(t, time.Minute) // the confirm will not come
		result := make(chan error, 1)
		go func() { result <- p.Publish(t.Context(), "in", 2) }()
		rabbit.Eventually(t, 10*time.Second, func() bool { return amqp.InFlight(s) == 1 }, "the message is on its way")
		proxy.Cut()
		if err := <-result; !errors.Is(err, amqp.ErrNotConnected) {
			t.Errorf("Publish returned %v, want ErrNotConnected", err)
		}
		proxy.Delay(t, 0)
		proxy.Restore(t)
		if err := p.Publish(t.Context(), "in", 3); err != nil {
			t.Errorf("Publish returned %v after the connection was back, want nil", err)
		}
	})
}

// TestReturnsAreMatchedToTheirOwnMessage mixes routed and unroutable messages from
// many goroutines, some of them with the same id.
func TestReturnsAreMatchedToTheirOwnMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, queue, ch := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		const each = 300
		var senders sync.WaitGroup
		for g := range 8 {
			senders.Go(func() {
				for i := range each {
					key, want := "in", error(nil)
					if (g+i)%3 == 0 {
						key, want = "nowhere", amqp.ErrUnroutable
					}
					if err := p.Publish(t.Context(), key, i, broker.WithMessageID("same")); !errors.Is(err, want) {
						t.Errorf("Publish to %s returned %v, want %v", key, err, want)
					}
				}
			})
		}
		senders.Wait()
		if n := rabbit.Depth(t, ch, queue); n != 8*each*2/3 {
			t.Errorf("%d messages arrived, want %d", n, 8*each*2/3)
		}
	})
}

// TestPublishBatch says which messages failed, and needs no room for all at once.
func TestPublishBatch(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, queue, ch := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		items := make([]broker.Item, 10_000)
		for i := range items {
			items[i] = broker.Item{Key: "in", Body: i}
		}
		items[17].Key, items[4711].Body = "nowhere", make(chan int)
		err := p.PublishBatch(t.Context(), items...)
		batch, ok := errors.AsType[*broker.BatchError](err)
		if !ok {
			t.Fatalf("PublishBatch returned %v, want a *BatchError", err)
		}
		if len(batch.Failed) != 2 || !errors.Is(batch.Failed[17], amqp.ErrUnroutable) || batch.Failed[4711] == nil {
			t.Errorf("failed: %v, want number 17 unroutable and number 4711 not encoded", batch.Failed)
		}
		rabbit.Eventually(t, 10*time.Second, func() bool { return rabbit.Depth(t, ch, queue) == len(items)-2 }, "the others arrived")
		first, _, err := ch.Get(queue, true)
		if err != nil || string(first.Body) != "0" {
			t.Errorf("the first message is %q, %v; want the first of the batch", first.Body, err)
		}
	})
}

// TestPublishSetsWhatIsMissing looks at the message as any AMQP client sees it.
func TestPublishSetsWhatIsMissing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, queue, ch := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		before := time.Now().Add(-time.Second)
		if err := p.Publish(t.Context(), "in", map[string]int{"n": 1}); err != nil {
			t.Fatal(err)
		}
		d, ok, err := ch.Get(queue, true)
		if err != nil || !ok {
			t.Fatalf("get: %v, %v", ok, err)
		}
		if string(d.Body) != `{"n":1}` || d.ContentType != "application/json" {
			t.Errorf("body %s of type %s", d.Body, d.ContentType)
		}
		if d.DeliveryMode != amqp091.Persistent || d.Timestamp.Before(before.Truncate(time.Second)) {
			t.Errorf("delivery mode %d, timestamp %v", d.DeliveryMode, d.Timestamp)
		}
		if len(d.MessageId) != 36 || d.MessageId[14] != '7' {
			t.Errorf("message id %q, want a UUIDv7", d.MessageId)
		}
	})
}

// TestHeadersTooLargeForAFrame keeps the connection: the broker would close it.
func TestHeadersTooLargeForAFrame(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, _, _ := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		err := p.Publish(t.Context(), "in", 1, broker.WithHeader("big", strings.Repeat("x", 200_000)))
		if !errors.Is(err, amqp.ErrTooLarge) {
			t.Errorf("Publish returned %v, want ErrTooLarge", err)
		}
		if err := p.Publish(t.Context(), "in", 1, broker.WithHeader("big", strings.Repeat("x", 120_000))); err != nil {
			t.Errorf("Publish of what just fits returned %v", err)
		}
	})
}
