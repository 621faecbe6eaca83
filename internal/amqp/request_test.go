package amqp_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// caller is a sender, a queue for its requests, and the channel of what replies to them.
type caller struct {
	t      *testing.T
	sender *amqp.Sender
	queue  string
	reader *metric.ManualReader
	ch     *amqp091.Channel
}

func newCaller(t *testing.T) *caller {
	t.Helper()
	url := rabbit.URL(t)
	c := &caller{t: t, queue: rabbit.Queue(t), reader: metric.NewManualReader(), ch: rabbit.Channel(t, url)}
	if _, err := c.ch.QueueDeclare(c.queue, false, true, true, false, nil); err != nil {
		t.Fatal(err)
	}
	c.sender = amqp.NewSender(amqp.Config{
		URL: url, Dial: rabbit.Dial, MeterProvider: metric.NewMeterProvider(metric.WithReader(c.reader)),
	}, "call", nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.sender.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *caller) call(ctx context.Context, key, id string) (*message.Message, error) {
	r, err := c.sender.StartCall(ctx, "", key, &message.Message{ID: id, CorrelationID: id, Body: []byte(id)})
	if err != nil {
		return nil, err
	}
	defer r.End()
	return r.Reply(ctx)
}

// first makes the call that tests the exchange on a channel of its own.
func (c *caller) first() {
	c.t.Helper()
	if _, err := c.call(c.t.Context(), c.queue+"-missing", "first"); !errors.Is(err, amqp.ErrUnroutable) {
		c.t.Fatalf("a call without a queue returned %v", err)
	}
}

// serve replies to n requests with their own bodies.
func (c *caller) serve(n int) {
	requests, err := c.ch.Consume(c.queue, "", true, false, false, false, nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	for range n {
		d := <-requests
		if err := c.ch.Publish("", d.ReplyTo, false, false, amqp091.Publishing{CorrelationId: d.CorrelationId, Body: d.Body}); err != nil {
			c.t.Error(err)
		}
	}
}

// TestNoCallIsLeftBehind: neither by a reply, nor by a refusal, nor by a caller that leaves.
func TestNoCallIsLeftBehind(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		c := newCaller(t)
		const calls = 50
		var all sync.WaitGroup
		all.Go(func() { c.serve(calls) })
		for i := range calls {
			all.Go(func() {
				id := strconv.Itoa(i)
				if m, err := c.call(t.Context(), c.queue, id); err != nil || string(m.Body) != id {
					t.Errorf("the reply to %s is %v, %v", id, m, err)
				}
			})
			all.Go(func() {
				if _, err := c.call(t.Context(), c.queue+"-missing", "x"+strconv.Itoa(i)); !errors.Is(err, amqp.ErrUnroutable) {
					t.Errorf("a call without a queue returned %v", err)
				}
			})
		}
		all.Wait()
		if n := amqp.Waiting(c.sender); n != 0 {
			t.Errorf("%d calls are left behind", n)
		}
	})
}

// TestARefusedCallEndsNoOtherCall that waits for its reply.
func TestARefusedCallEndsNoOtherCall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		exchange string
		bad      message.Message
		want     error
	}{
		{"its exchange does not exist", "missing", message.Message{}, amqp.ErrUnroutable},
		{"its header CC is no list", "", message.Message{Headers: message.Headers{"CC": "text"}}, amqp.ErrMalformed},
		{"its user id is another user's", "", message.Message{UserID: "somebody"}, amqp.ErrRefused},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			c := newCaller(t)
			c.first()
			early := make(chan error, 1)
			go func() {
				_, err := c.call(t.Context(), c.queue, "early")
				early <- err
			}()
			rabbit.Eventually(t, time.Minute, func() bool { return rabbit.Depth(t, c.ch, c.queue) == 1 }, "the first request is in the queue")
			tt.bad.CorrelationID = "bad"
			if _, err := c.sender.StartCall(t.Context(), tt.exchange, c.queue, &tt.bad); !errors.Is(err, tt.want) {
				t.Errorf("the refused call returned %v, want %v", err, tt.want)
			}
			c.serve(1)
			if err := <-early; err != nil {
				t.Errorf("the other call returned %v, want its reply", err)
			}
		})
	}
}

// TestALateReplyIsDroppedAndCounted when its caller has left.
func TestALateReplyIsDroppedAndCounted(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		c := newCaller(t)
		c.first()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := c.call(ctx, c.queue, "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call returned %v, want the deadline", err)
		}
		go c.serve(1)
		rabbit.Eventually(t, time.Minute, func() bool { return c.late() == 1 }, "the late reply is counted")
		if n := amqp.Waiting(c.sender); n != 0 {
			t.Errorf("%d calls are left behind", n)
		}
	})
}

func (c *caller) late() (n int64) {
	c.t.Helper()
	var data metricdata.ResourceMetrics
	if err := c.reader.Collect(c.t.Context(), &data); err != nil {
		c.t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == telemetry.MetricLateReplies {
				n += sum.DataPoints[0].Value
			}
		}
	}
	return n
}

// TestAWornChannelIsReplaced once its calls have their replies.
func TestAWornChannelIsReplaced(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		c := newCaller(t)
		c.first()
		full := rabbit.Queue(t)
		if _, err := c.ch.QueueDeclare(full, false, true, true, false, amqp091.Table{"x-max-length": 1, "x-overflow": "reject-publish"}); err != nil {
			t.Fatal(err)
		}
		if err := c.ch.Publish("", full, false, false, amqp091.Publishing{}); err != nil {
			t.Fatal(err)
		}
		early := make(chan error, 1)
		go func() {
			_, err := c.call(t.Context(), c.queue, "early")
			early <- err
		}()
		rabbit.Eventually(t, time.Minute, func() bool { return rabbit.Depth(t, c.ch, c.queue) == 1 }, "the first request is in the queue")
		before := amqp.RepliesOf(c.sender)
		rabbit.Eventually(t, time.Minute, func() bool {
			if _, err := c.call(t.Context(), full, "nacked"); !errors.Is(err, amqp.ErrNacked) {
				t.Fatalf("a call to a full queue returned %v, want ErrNacked", err)
			}
			return amqp.RepliesOf(c.sender) != before
		}, "the channel is replaced")
		c.serve(1)
		if err := <-early; err != nil {
			t.Errorf("the call on the worn channel returned %v", err)
		}
		rabbit.Eventually(t, time.Minute, before.Ended, "the worn channel is closed")
	})
}
