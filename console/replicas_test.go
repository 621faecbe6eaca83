package console_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/message"
)

func TestThePageOfAQueueShowsItsReplicasAndTheOldestMessage(t *testing.T) {
	t.Parallel()
	var b *bench
	b = newBench(t, func(c *console.Config) {
		c.Replicas = func(_ context.Context, queue string) (*console.Replicas, error) {
			if queue != b.queue {
				return nil, errors.New("no such queue: " + queue)
			}
			return &console.Replicas{Leader: "a@<b>", Members: []string{"a@<b>", "b@host"}, Online: []string{"a@<b>"}}, nil
		}
	})
	release := make(chan struct{})
	defer b.run(func(ctx context.Context, m *message.Message) error {
		if m.Headers.String("hold") == "" {
			return nil
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})()
	b.state("the process is shown", func(s queueState) bool { return len(s.Members) == 1 })
	page := b.page("queues/" + b.queue)
	for _, want := range []string{"The leader is <code>a@&lt;b&gt;</code>", "1 of 2 members are online; offline: <code>b@host</code>."} {
		if !strings.Contains(page, want) {
			t.Errorf("want %q in:\n%s", want, page)
		}
	}
	b.publish("settled")
	for range 40 {
		b.publish("held", broker.WithHeader("hold", "yes"))
	}
	b.eventually("the page shows how long the oldest message waits", func() bool {
		var q struct {
			Ready  int           `json:"ready"`
			Oldest time.Duration `json:"oldest_waiting_ns"`
		}
		b.get("queues/"+b.queue, &q)
		return q.Ready > 0 && q.Oldest > 0 && q.Oldest < time.Hour && strings.Contains(b.page("queues/"+b.queue), "the oldest for at most")
	})
	if !strings.Contains(b.page(""), "the oldest for at most") {
		t.Error("the overview does not show how long the oldest message waits")
	}
	close(release)
}
