package worker_test

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// loads is a handler that notes the checkpoint with which each attempt begins. In its first process it
// saves one for the first message and waits for the stop.
type loads struct {
	mu    sync.Mutex
	saved chan struct{}
	got   []int
}

func (l *loads) Handle(ctx context.Context, _ *message.Message) error {
	if !isClosed(l.saved) {
		if err := checkpoint.Save(ctx, 5); err != nil {
			return err
		}
		close(l.saved)
		<-handler.Stopping(ctx)
		return handler.ErrStopping
	}
	_, err := l.load(ctx)
	return err
}

// load loads the checkpoint of an attempt, and notes it.
func (l *loads) load(ctx context.Context) (step int, err error) {
	_, err = checkpoint.Load(ctx, &step)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, step)
	return step, err
}

func (l *loads) loaded() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

// plain publishes a message as a program without Warren does.
func (b *bench) plain(p amqp.Publishing) {
	b.t.Helper()
	p.Body, p.ContentType = []byte("{}"), "application/json"
	if err := b.channel.PublishWithContext(b.t.Context(), "", b.queue.Name, false, false, p); err != nil {
		b.t.Fatal(err)
	}
}

// TestARecordedCheckpointSkipsNoOtherMessage: a checkpoint that another message may have saved is not loaded.
func TestARecordedCheckpointSkipsNoOtherMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		first, second amqp.Publishing
		want          []int
	}{
		{"messages with IDs", amqp.Publishing{MessageId: "1"}, amqp.Publishing{MessageId: "2"}, []int{5, 0}},
		{"equal messages without an ID", amqp.Publishing{}, amqp.Publishing{}, []int{0, 0}},
		{"two messages with one ID", amqp.Publishing{MessageId: "1"}, amqp.Publishing{MessageId: "1"}, []int{0, 0}},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.SingleActive, b.queue.Concurrency, b.queue.Prefetch = true, 1, 2
			l := &loads{saved: make(chan struct{})}
			b.declare()
			b.plain(tt.first)
			b.plain(tt.second)
			b.eventually("both are in the queue", func() bool { return b.depth(b.queue.Name) == 2 })
			r := b.run(l)
			<-l.saved
			b.eventually("both are received", func() bool { return b.depth(b.queue.Name) == 0 })
			if err := r.finish(); err != nil {
				t.Error(err)
			}
			b.run(l)
			b.eventually("both are handled", func() bool { return len(l.loaded()) == 2 })
			if got := l.loaded(); !slices.Equal(got, tt.want) {
				t.Errorf("the attempts began with the checkpoints %v, want %v", got, tt.want)
			}
		})
	}
}

// TestACheckpointThatIsNoJSONSpoilsNoRecord of another message, when both are in hand at the stop.
func TestACheckpointThatIsNoJSONSpoilsNoRecord(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.SingleActive, b.queue.Concurrency = true, 2
		var mu sync.Mutex
		begun, loaded := 0, 0
		h := handler.Func(func(ctx context.Context, m *message.Message) error {
			mu.Lock()
			begun++
			again := begun > 2
			mu.Unlock()
			switch {
			case again && m.ID == "good":
				step := 0
				_, err := checkpoint.Load(ctx, &step)
				mu.Lock()
				loaded = step
				mu.Unlock()
				return err
			case m.ID == "good":
				if err := checkpoint.Save(ctx, 5); err != nil {
					return err
				}
			}
			if again {
				return nil
			}
			<-handler.Stopping(ctx)
			return handler.ErrStopping
		})
		r := b.run(h)
		b.plain(amqp.Publishing{MessageId: "bad", Headers: amqp.Table{record.HeaderCheckpoint: "abc"}})
		b.plain(amqp.Publishing{MessageId: "good"})
		b.eventually("both are in hand", func() bool { mu.Lock(); defer mu.Unlock(); return begun == 2 && worker.CheckpointsInHand(r.sub) == 1 })
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		before := len(b.settled())
		b.run(h)
		b.verdicts(before + 2)
		if loaded != 5 {
			t.Errorf("the second attempt began with the checkpoint %d, want 5", loaded)
		}
	})
}

// TestACheckpointIsRecordedIfACopyIsNotConfirmed until the grace is over.
func TestACheckpointIsRecordedIfACopyIsNotConfirmed(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.SingleActive = true
		var l loads
		h := handler.Func(func(ctx context.Context, _ *message.Message) error {
			if step, err := l.load(ctx); step > 0 || err != nil {
				return err
			}
			if err := checkpoint.Save(ctx, 5); err != nil {
				return err
			}
			return retry.Permanent(errBoom)
		})
		r := b.run(h, func(c *worker.Config) { c.Grace = 50 * time.Millisecond })
		fillDeadLetterQueue(b)
		b.plain(amqp.Publishing{MessageId: "1"})
		b.eventually("the copy is not confirmed", func() bool { return len(eventsOf[worker.HandOffFailed](b)) > 0 })
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		if _, err := b.channel.QueueDelete(topology.DeadLetterQueue(b.queue.Name), false, false, false); err != nil {
			t.Fatal(err)
		}
		b.run(h)
		b.eventually("the message is handled again", func() bool { return len(l.loaded()) == 2 })
		if loaded := l.loaded(); !slices.Equal(loaded, []int{0, 5}) {
			t.Errorf("the attempts began with the checkpoints %v, want 0 and 5", loaded)
		}
	})
}

// TestACheckpointAfterTheHandlerIsNotRecorded: a goroutine of the handler may outlive it.
func TestACheckpointAfterTheHandlerIsNotRecorded(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.SingleActive = true
		kept := make(chan context.Context, 1)
		r := b.run(handler.Func(func(ctx context.Context, _ *message.Message) error {
			kept <- ctx
			return nil
		}))
		b.publish("key", 1)
		b.verdicts(1)
		b.eventually("the message is settled", func() bool { return r.sub.Health().InHand == 0 })
		if err := checkpoint.Save(<-kept, 5); err != nil {
			t.Error(err)
		}
		if n := worker.CheckpointsInHand(r.sub); n != 0 {
			t.Errorf("the checkpoints of %d attempts are recorded after the handler, want 0", n)
		}
	})
}

// unanswered counts the reads of records of stops, which the broker does not answer.
type unanswered struct{ reads, whileConsuming atomic.Int32 }

// deaf is a connection on which the broker does not receive the basic.get of a record.
type deaf struct {
	net.Conn
	seen     *unanswered
	consumes atomic.Bool
}

func (c *deaf) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte{0, 60, 0, 20, 0, 0}) { // basic.consume
		c.consumes.Store(true)
	}
	if !bytes.Contains(p, []byte{0, 60, 0, 70, 0, 0}) || !bytes.Contains(p, []byte(topology.StopsQueue(""))) {
		return c.Conn.Write(p)
	}
	c.seen.reads.Add(1)
	if c.consumes.Load() {
		c.seen.whileConsuming.Add(1)
	}
	return len(p), nil
}

// TestARecordThatCannotBeReadDisturbsNoQueue: the members of its queue may have no majority. A connection
// on which the broker does not answer is closed, so the record is read on one that consumes nothing.
func TestARecordThatCannotBeReadDisturbsNoQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		rabbit.Waits(t, "a read of the record, which ends after 3 s")
		b := newBench(t)
		b.queue.SingleActive, b.queue.Concurrency, b.queue.Prefetch = true, 1, 5
		l := &loads{saved: make(chan struct{})}
		r := b.run(l)
		for range 5 {
			b.publish("key", 1)
		}
		<-l.saved
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		var seen unanswered
		b.run(l, func(c *worker.Config) {
			c.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := rabbit.Dial(ctx, network, address)
				return &deaf{Conn: conn, seen: &seen}, err
			}
		})
		b.eventually("all are handled", func() bool { return len(l.loaded()) == 5 })
		if n := seen.reads.Load(); n == 0 || n >= 5 {
			t.Errorf("the record was read %d times for 5 messages, want once", n)
		}
		if n := seen.whileConsuming.Load(); n != 0 {
			t.Errorf("the record was read %d times on the connection that consumes, want never", n)
		}
	})
}

// TestHealthShowsMessagesThatNoPartitionTakes, since each takes a place among the fetched messages.
func TestHealthShowsMessagesThatNoPartitionTakes(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		b := newBenchAt(t, node.URL())
		b.queue.Partitions, b.queue.OrderBy = 2, func(*message.Message) string { return "one" }
		b.declare()
		b.publish("key", make([]byte, 2000), broker.WithMessageID("large"))
		node.LimitMessages(t, 1000)
		b.queue.Topology = topology.Trust
		r := b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
		b.eventually("a warning says so", func() bool {
			return strings.Contains(strings.Join(r.worker.Health().Warnings, "\n"), "cannot be published to their partitions")
		})
	})
}
