package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// canaryPublish publishes a message to the work queue as a replay does.
func (b *bench) canaryPublish(header any) {
	b.t.Helper()
	err := b.channel.PublishWithContext(b.t.Context(), "", b.queue.Name, true, false, amqp091.Publishing{
		MessageId: "m", Body: []byte("1"), Headers: amqp091.Table{record.HeaderCanary: header},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) canaryEvents() (all []worker.CanaryReported) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if c, ok := e.(worker.CanaryReported); ok {
			all = append(all, c)
		}
	}
	return all
}

// TestCanaryIsReported when its first attempt begins and when it is settled, a snooze
// aside; its retries are not.
func TestCanaryIsReported(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		queue := "warren.canary." + strings.Repeat("0f", 16)
		attempts := make(chan *message.Message, 4)
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			attempts <- m
			switch len(attempts) {
			case 1:
				return retry.Snooze(100 * time.Millisecond)
			case 2:
				return errors.New("no mail today")
			}
			return nil
		}))
		if _, err := b.channel.QueueDeclare(queue, false, true, true, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.channel.QueueBind(queue, queue, topology.DeadLetterExchange, false, nil); err != nil {
			t.Fatal(err)
		}
		reports, err := b.channel.Consume(queue, "", true, true, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		header := amqp.CanaryHeader(queue, 7)
		b.canaryPublish(header)
		settled := <-reports
		for settled.Type == "begun" {
			settled = <-reports
		}
		h := message.Headers(settled.Headers)
		if settled.Type != "retry" || settled.MessageId != "m" || settled.DeliveryMode != amqp091.Transient || h.String(record.HeaderCanary) != header ||
			h.String(record.HeaderError) != "no mail today" || h.String(record.HeaderReason) != "error" || h.String(record.HeaderQueue) != b.queue.Name {
			t.Errorf("the report is %+v", settled)
		}
		b.eventually("the retry is handled", func() bool { return len(attempts) == 3 })
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		for n := 1; n <= 3; n++ {
			m := <-attempts
			if got := m.Headers.String(record.HeaderCanary); (n <= 2) != (got == header) {
				t.Errorf("run %d has the header %q", n, got)
			}
		}
		if events := b.canaryEvents(); len(events) != 3 {
			t.Errorf("%d reports, want two of the beginning and one of the outcome: %+v", len(events), events)
		}
	})
}

// TestForgedCanaryHeadersAreIgnored so that a message cannot make a worker publish elsewhere.
func TestForgedCanaryHeadersAreIgnored(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
		good := "warren.canary." + strings.Repeat("a", 32)
		forged := []any{
			"", b.queue.Name, b.queue.Name + ".1", good, good + ".", good + ".x", good + ".-1", good + ".1234567890", good + "1.1", good + ".1.1",
			strings.ToUpper(good) + ".1", "warren.canary." + strings.Repeat("g", 32) + ".1", "warren.inspect" + strings.Repeat("a", 32) + ".1",
			strings.Repeat("warren.canary.", 1000), int64(1),
			amqp091.Table{"a": "b"},
		}
		for _, header := range forged {
			b.canaryPublish(header)
		}
		b.eventually("all are handled", func() bool { return len(b.settled()) == len(forged) })
		if events := b.canaryEvents(); len(events) != 0 {
			t.Errorf("%d reports, want none: %+v", len(events), events)
		}
	})
}

// TestReportToNoQueueHarmsNothing: the replay has ended meanwhile.
func TestReportToNoQueueHarmsNothing(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
		for range 5 {
			b.canaryPublish("warren.canary." + strings.Repeat("a", 32) + ".1")
		}
		b.eventually("all are reported", func() bool { return len(b.canaryEvents()) == 10 })
		for _, e := range b.canaryEvents() {
			if e.Err != nil || !e.Begun && e.Outcome.Verdict != worker.Ack {
				t.Errorf("the event is %+v", e)
			}
		}
	})
}

// The copy with the checkpoint, which a worker that stops publishes, is still in its first attempt.
func TestACanaryWithACheckpointIsReportedAfterAStop(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		begun := make(chan struct{})
		h := handler.Func(func(ctx context.Context, _ *message.Message) error {
			if isClosed(begun) {
				return nil
			}
			close(begun)
			<-handler.Stopping(ctx)
			return errors.Join(checkpoint.Save(ctx, 7), handler.ErrStopping)
		})
		r := b.run(h)
		b.canaryPublish("warren.canary." + strings.Repeat("a", 32) + ".1")
		<-begun
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		b.run(h)
		b.eventually("the message is handled", func() bool { return len(b.settled()) == 2 })
		isResult := func(e worker.CanaryReported) bool { return !e.Begun && e.Outcome.Verdict == worker.Ack }
		b.eventually("the outcome is reported", func() bool { return slices.ContainsFunc(b.canaryEvents(), isResult) })
	})
}
