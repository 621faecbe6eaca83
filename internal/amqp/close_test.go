package amqp_test

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// closingBound is the longest that closing a connection may take, whatever the broker does.
const closingBound = 6 * time.Second

// TestEveryCloseIsBounded closes what is open while the broker does not answer. During an
// alarm the broker sends heartbeats, which push amqp091's own deadline forward.
func TestEveryCloseIsBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		heartbeat time.Duration
		hang      func(*testing.T) (direct, through string, begin func(p *broker.Publisher))
	}{
		"during an alarm":              {time.Second, alarmed},
		"when the broker falls silent": {time.Minute, silenced},
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			rabbit.Waits(t, "the bound of a close")
			direct, through, begin := tt.hang(t)
			exchange, queue, _ := exchangeWithQueue(t, direct, nil)
			cfg := amqp.Config{URL: through, Heartbeat: tt.heartbeat, Dial: rabbit.Dial}
			p := broker.NewPublisher(broker.Config(cfg), exchange)
			if err := p.Publish(t.Context(), "in", 1); err != nil {
				t.Fatal(err)
			}
			session, err := amqp.Dial(t.Context(), cfg, "test")
			if err != nil {
				t.Fatal(err)
			}
			consumer, err := session.Consume(t.Context(), amqp.Consume{Queue: queue})
			if err != nil {
				t.Fatal(err)
			}
			begin(p)
			within(t, "Publisher.Close", p.Close)
			within(t, "Consumer.Close", func() error {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_ = consumer.Close(ctx) // a broker that does not answer is an error
				return nil
			})
			within(t, "Session.Close", session.Close)
		})
	}
}

// alarmed raises an alarm that the publisher meets.
func alarmed(t *testing.T) (direct, through string, begin func(*broker.Publisher)) {
	node := rabbit.Start(t)
	return node.URL(), node.URL(), func(p *broker.Publisher) {
		node.Block(t)
		t.Cleanup(func() { node.Unblock(t) })
		rabbit.Eventually(t, 30*time.Second, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			return p.Publish(ctx, "in", 2) != nil
		}, "the alarm holds the publisher")
	}
}

// silenced has whatever is sent get lost, in both directions.
func silenced(t *testing.T) (direct, through string, begin func(*broker.Publisher)) {
	url := rabbit.URL(t)
	proxy := rabbit.NewProxy(t, url)
	return url, proxy.URL(), func(*broker.Publisher) {
		proxy.Delay(t, time.Hour)
		t.Cleanup(func() { proxy.Delay(t, 0) })
	}
}

func within(t *testing.T, what string, f func() error) {
	t.Helper()
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%s returned %v, want nil", what, err)
		}
		t.Logf("%s took %v", what, time.Since(began).Round(time.Millisecond))
	case <-time.After(closingBound):
		t.Errorf("%s takes longer than %v", what, closingBound)
	}
}
