package worker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// ledger counts how often each published message was handled.
type ledger struct {
	mu      sync.Mutex
	handled map[string]int
}

func (l *ledger) Handle(_ context.Context, m *message.Message) error {
	<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond) // work, so that there is always some in hand
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handled[m.ID]++
	return nil
}

func (l *ledger) count() (messages, duplicates int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.handled {
		duplicates += n - 1
	}
	return len(l.handled), duplicates
}

// publishNumbered publishes n messages with the ids 0 … n-1 and returns when all
// are confirmed.
func publishNumbered(t *testing.T, pub *broker.Publisher, from, n int) {
	t.Helper()
	if err := pub.PublishBatch(t.Context(), numbered(from, n)...); err != nil {
		t.Fatal(err)
	}
}

// TestAtLeastOnceWhenTheWireIsCut is promises 1 to 3: the connection is cut 50
// times while 8,000 confirmed messages flow, with handlers in hand each time; on a
// broker in memory, 20 times.
func TestAtLeastOnceWhenTheWireIsCut(t *testing.T) {
	t.Parallel()
	for name, change := range kinds() {
		rabbit.Run(t, name, func(t *testing.T) { cutTheWire(t, change, rabbit.Scaled(8_000), max(rabbit.Scaled(50), 20)) })
	}
}

func cutTheWire(t *testing.T, change func(*worker.Queue), messages, cuts int) {
	proxy := rabbit.NewProxy(t, rabbit.URL(t))
	b := newBench(t)
	change(&b.queue)
	b.queue.Concurrency = 16
	l := &ledger{handled: make(map[string]int)}
	b.url = proxy.URL()
	b.forgetful = true
	r := b.run(handler.Func(l.Handle), func(c *worker.Config) {
		c.Broker.Backoff.InitialInterval, c.Broker.Backoff.MaxInterval = 10*time.Millisecond, 50*time.Millisecond
	})
	// A part before each cut keeps messages flowing until the last one.
	part := messages / (cuts + 1)
	for i := range cuts {
		publishNumbered(t, b.pub, i*part, part)
		b.eventually("handlers are in hand", func() bool { return r.sub.Health().InHand > 0 || drained(l, (i+1)*part) })
		proxy.Cut()
		proxy.Restore(t)
	}
	publishNumbered(t, b.pub, cuts*part, messages-cuts*part)
	rabbit.Eventually(t, 5*time.Minute, func() bool { return drained(l, messages) && b.depth(b.queue.Name) == 0 }, "every message is handled")
	if err := r.finish(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want nil", err)
	}
	balance(t, b, l, messages, fmt.Sprintf("%d cuts", cuts))
	boundDuplicates(t, l, cuts*2*16)
}

// numbered are n messages whose ids begin at from.
func numbered(from, n int) []broker.Item {
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: "job", Body: i, Options: []broker.Option{broker.WithMessageID(strconv.Itoa(from + i))}}
	}
	return items
}

func drained(l *ledger, n int) bool {
	handled, _ := l.count()
	return handled >= n
}
