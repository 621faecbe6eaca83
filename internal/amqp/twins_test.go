package amqp_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// TestMessagesThatLookAlikeHaveTheirOwnFate: thousands without an id are in flight at
// once, to a queue whose binding goes meanwhile. As many succeed as are in the queue.
func TestMessagesThatLookAlikeHaveTheirOwnFate(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"without an id": "", "with the same id": "same"} {
		rabbit.Run(t, name, func(t *testing.T) {
			url := rabbit.URL(t)
			exchange, queue, ch := exchangeWithQueue(t, url, nil)
			s := runSender(t, amqp.Config{URL: url})
			var confirmed, unroutable atomic.Int64
			var all sync.WaitGroup
			const goroutines, each = 100, 50
			for range goroutines {
				all.Go(func() {
					for range each {
						switch err := s.Send(t.Context(), exchange, "in", &message.Message{ID: id, Body: []byte("same")}); {
						case err == nil:
							confirmed.Add(1)
						case errors.Is(err, amqp.ErrUnroutable):
							unroutable.Add(1)
						default:
							t.Error(err)
						}
						if confirmed.Load() == goroutines*each/2 {
							all.Go(func() {
								if err := ch.QueueUnbind(queue, "in", exchange, nil); err != nil {
									t.Error(err)
								}
							})
						}
					}
				})
			}
			all.Wait()
			if unroutable.Load() == 0 || confirmed.Load() == 0 {
				t.Errorf("%d confirmed and %d unroutable, want some of both", confirmed.Load(), unroutable.Load())
			}
			if n := rabbit.Depth(t, ch, queue); int64(n) != confirmed.Load() {
				t.Errorf("%d messages are in the queue and %d were confirmed, want as many", n, confirmed.Load())
			}
		})
	}
}

// TestTheMarkOfATwinIsInvisible to those who receive it by Warren.
func TestTheMarkOfATwinIsInvisible(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		declare(t, url, queue)
		s := runSender(t, amqp.Config{URL: url})
		headers := message.Headers{"mine": "kept", record.HeaderPublish: "forged"}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := s.Send(t.Context(), "", queue, &message.Message{Headers: headers}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		session, err := amqp.Dial(t.Context(), amqp.Config{URL: url, Dial: rabbit.Dial}, "test")
		if err != nil {
			t.Fatal(err)
		}
		c, err := session.Consume(t.Context(), amqp.Consume{Queue: queue, Prefetch: 50})
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			d, ok := c.Receive(nil)
			if !ok {
				t.Fatalf("nothing was received: %v", c.Err())
			}
			var m message.Message
			d.Fill(&m)
			if err := d.Ack(); err != nil {
				t.Error(err)
			}
			if len(m.Headers) != 1 || m.Headers.String("mine") != "kept" {
				t.Errorf("the headers are %v, want the publisher's own", m.Headers)
			}
		}
		if err := errors.Join(c.Close(t.Context()), session.Close()); err != nil {
			t.Error(err)
		}
		if len(headers) != 2 {
			t.Errorf("the caller's headers are %v now, want them as they were", headers)
		}
	})
}
