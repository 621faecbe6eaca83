package amqp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// publishDelayed publishes a delayed message from each of n goroutines at once, and
// reports how many failed, and an example.
func publishDelayed(ctx context.Context, n int, p *broker.Publisher, key func(int) string) (failed int, example error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := p.Publish(ctx, key(i), i, broker.WithDelay(time.Hour)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
				example = err
			}
		})
	}
	all.Wait()
	return failed, example
}

// TestAThousandFirstDelaysDeclareOnce, and once more after a reconnect.
func TestAThousandFirstDelaysDeclareOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dev, err := devbroker.Pipe(devbroker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		p := broker.NewPublisher(broker.Config{URL: dev.URL(), Dial: dev.DialContext}, "amq.topic")
		for round := range 2 {
			before := dev.Channels()
			failed, example := publishDelayed(t.Context(), 1000, p, func(int) string { return "key" })
			if failed > 0 {
				t.Errorf("in round %d %d of 1,000 failed: %v", round, failed, example)
			}
			if n := dev.Channels() - before; n > 5 {
				t.Errorf("in round %d %d channels were opened, want one to publish and a few to declare", round, n)
			}
			dev.Drop()
			synctest.Wait()
		}
		if err := errors.Join(p.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestAThousandFirstDelaysSucceed within the publish timeout.
func TestAThousandFirstDelaysSucceed(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t) // a virtual host without a parking queue
	p := publisher(t, amqp.Config{URL: node.URL()}, "amq.topic")
	if failed, example := publishDelayed(t.Context(), 1000, p, func(int) string { return "key" }); failed > 0 {
		t.Errorf("%d of 1,000 failed: %v", failed, example)
	}
}

// TestADeclarationContinuesWhenItsCallerGivesUp: the first deadline is too short for it,
// and the next publish finds it done.
func TestADeclarationContinuesWhenItsCallerGivesUp(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t)
	p := publisher(t, amqp.Config{URL: node.URL()}, "amq.topic")
	if err := p.Publish(t.Context(), "key", 1); !errors.Is(err, amqp.ErrUnroutable) {
		t.Fatal(err) // connects
	}
	rabbit.Eventually(t, time.Minute, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := p.Publish(ctx, "key", 1, broker.WithDelay(time.Hour))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		return err == nil
	}, "a publish succeeds within 100 ms")
}

// TestErrorsOfADelayAreTheDocumentedOnes.
func TestErrorsOfADelayAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t)
	mayDeclare := node.Permit(t, rabbit.User{Name: "reader", Password: "reader", Configure: "^$", Write: ".*", Read: ".*"})
	long := strings.Repeat("x", 241)
	for _, tt := range []struct {
		name, url, exchange, key string
		delay                    time.Duration
		want                     error
	}{
		{"a user who may not declare is refused", mayDeclare, "amq.topic", "key", time.Second, amqp.ErrRefused},
		{"the name of a queue that is too long is malformed", node.URL(), "", long, time.Second, amqp.ErrMalformed},
		{"the name of an exchange that is too long is malformed", node.URL(), long, "key", time.Second, amqp.ErrMalformed},
		{"a port without a listener is not connected", "amqp://127.0.0.1:1/", "amq.topic", "key", time.Second, amqp.ErrNotConnected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := publisher(t, amqp.Config{URL: tt.url, PublishTimeout: 5 * time.Second}, tt.exchange)
			for range 2 {
				if err := p.Publish(t.Context(), tt.key, 1, broker.WithDelay(tt.delay)); !errors.Is(err, tt.want) {
					t.Errorf("Publish returned %v, want %v", err, tt.want)
				}
			}
		})
	}
}

// TestADelayWhileBlockedOrLostSaysSo, as any publish does.
func TestADelayWhileBlockedOrLostSaysSo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trouble func(dev *devbroker.Broker)
		want    error
	}{
		"blocked": {func(*devbroker.Broker) {}, amqp.ErrBlocked},
		"lost":    {func(dev *devbroker.Broker) { time.AfterFunc(time.Second, dev.Drop) }, amqp.ErrNotConnected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dev, err := devbroker.Pipe(devbroker.Config{})
				if err != nil {
					t.Fatal(err)
				}
				p := broker.NewPublisher(broker.Config{URL: dev.URL(), Dial: dev.DialContext}, "")
				if err := p.Publish(t.Context(), "none", 1); !errors.Is(err, amqp.ErrUnroutable) {
					t.Fatal(err) // connects
				}
				dev.Block("test")
				tt.trouble(dev)
				if err := p.Publish(t.Context(), "queue", 1, broker.WithDelay(time.Hour)); !errors.Is(err, tt.want) {
					t.Errorf("Publish returned %v, want %v", err, tt.want)
				}
				dev.Unblock()
				if err := errors.Join(p.Close(), dev.Close()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
