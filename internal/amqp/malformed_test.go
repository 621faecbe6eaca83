package amqp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// TestAMessageThatCannotBeWrittenFailsAlone publishes good messages beside some that
// AMQP has no room for, and some whose context ends during a declaration: the
// connection that all share stays.
func TestAMessageThatCannotBeWrittenFailsAlone(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url := rabbit.URL(t)
		exchange, _, _ := exchangeWithQueue(t, url, nil)
		p := publisher(t, amqp.Config{URL: url}, exchange)
		stop := make(chan struct{})
		var good sync.WaitGroup
		for range 4 {
			good.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					if err := p.Publish(t.Context(), "in", n); err != nil {
						t.Errorf("a good message was not published: %v", err)
						return
					}
				}
			})
		}
		long := strings.Repeat("x", 256)
		for name, publish := range map[string]func() error{
			"a long message id":     func() error { return p.Publish(t.Context(), "in", 1, broker.WithMessageID(long)) },
			"a long correlation id": func() error { return p.Publish(t.Context(), "in", 1, broker.WithCorrelationID(long)) },
			"a long key":            func() error { return p.Publish(t.Context(), long, 1) },
			"a long header's name":  func() error { return p.Publish(t.Context(), "in", 1, broker.WithHeader(long, 1)) },
			"a header of no type":   func() error { return p.Publish(t.Context(), "in", 1, broker.WithHeader("u", uint64(1))) },
			"an expiration below 0": func() error { return p.Publish(t.Context(), "in", 1, broker.WithExpiration(-time.Second)) },
		} {
			err := publish()
			if !errors.Is(err, amqp.ErrMalformed) {
				t.Errorf("%s: Publish returned %v, want ErrMalformed", name, err)
			}
			if err != nil && strings.Contains(err.Error(), long) && name != "a long key" {
				t.Errorf("%s: the error quotes it", name)
			}
		}
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if err := p.Publish(ctx, "in", 1, broker.WithDelay(time.Second)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a publish with a short deadline returned %v", err)
			}
			cancel()
		}
		close(stop)
		good.Wait()
		removeQueues(t, rabbit.Channel(t, url), topology.ExchangeParking(exchange))
	})
}
