package amqp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// TestAConnectionLimitIsTransient: the second worker of a rolling deployment waits within
// its start-up time until the first has closed its connections.
func TestAConnectionLimitIsTransient(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		first := run(t, amqp.Config{URL: node.URL()}, nil)
		first.session(t)
		node.LimitConnections(t, 1)
		second := run(t, amqp.Config{URL: node.URL(), StartupTimeout: time.Minute}, nil)
		rabbit.Eventually(t, 20*time.Second, func() bool {
			_, err := second.Current()
			return err != nil && strings.Contains(err.Error(), "connection limit (1) is reached")
		}, "the second connection meets the limit")
		if _, err := second.Current(); errors.Is(err, amqp.ErrRefused) {
			t.Errorf("the limit is taken for a refusal: %v", err)
		}
		first.stop()
		second.session(t)
	})
}
