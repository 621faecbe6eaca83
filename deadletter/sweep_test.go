package deadletter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/warrentest"
)

// TestASlowReplayOfDeadLettersThatAllFailEnds has a queue whose work queue was deleted. At its
// rate, not all are tried within the 10 minutes of a round.
func TestASlowReplayOfDeadLettersThatAllFailEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 700
		b := warrentest.NewBroker(t)
		ch := channel(t, b)
		if _, err := ch.QueueDeclare("q.dlq", true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
			t.Fatal(err)
		}
		for range n {
			b.Publish("", "q.dlq", "body")
		}
		result, err := deadletter.New(b.Config()).Replay(t.Context(), "q.dlq", deadletter.Replay{Rate: 1})
		if !errors.Is(err, broker.ErrUnroutable) || !strings.Contains(err.Error(), "stopped after 10 minutes") {
			t.Errorf("got %v, want ErrUnroutable and why it stopped", err)
		}
		if result.Total != n || result.Done != 0 || result.Failed < 600 || len(b.Messages("/", "q.dlq")) != n {
			t.Errorf("the result is %+v, and %d are left; want 600 failed of %d", result, len(b.Messages("/", "q.dlq")), n)
		}
	})
}

// TestADryRunCountsEachDeadLetterOnce has large dead letters behind small ones: more than one window
// may hold.
func TestADryRunCountsEachDeadLetterOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit int
		want  deadletter.Result
	}{
		"all":                               {0, deadletter.Result{Total: 250, Done: 200, Skipped: 50}},
		"up to a limit that is not reached": {210, deadletter.Result{Total: 250, Done: 200, Skipped: 50}},
		"up to a limit":                     {150, deadletter.Result{Total: 250, Done: 150}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := warrentest.NewBroker(t)
			if _, err := channel(t, b).QueueDeclare("q.dlq", true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
				t.Fatal(err)
			}
			for i := range tt.want.Total {
				if i < 200 {
					b.Publish("", "q.dlq", "", broker.WithHeader("size", "small"))
				} else {
					b.Publish("", "q.dlq", make([]byte, 1<<20), broker.WithHeader("size", "large"))
				}
			}
			small := deadletter.Filter{Headers: map[string]string{"size": "small"}, Limit: tt.limit}
			result, err := deadletter.New(b.Config()).Replay(t.Context(), "q.dlq", deadletter.Replay{DryRun: true, Filter: small})
			if err != nil || result != tt.want {
				t.Errorf("the result is %+v, %v; want %+v", result, err, tt.want)
			}
		})
	}
}

func channel(t *testing.T, b *warrentest.Broker) *amqp.Channel {
	t.Helper()
	conn, err := amqp.DialConfig(b.URL(), amqp.Config{Dial: b.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// TestAFailureTimeAheadOfTheClockHindersNoAction: the worker's clock was an hour ahead.
func TestAFailureTimeAheadOfTheClockHindersNoAction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ahead := time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	for _, id := range idsTo(3) {
		b.put(amqp.Publishing{MessageId: id, Headers: amqp.Table{record.HeaderQueue: b.queue.Name, record.HeaderLastFailedAt: ahead}})
	}
	if id, err := b.client.Edit(t.Context(), b.dlq, "letter-0", deadletter.Edit{Body: []byte("new")}); err != nil || id == "" {
		t.Errorf("Edit returned %q, %v; want a new id", id, err)
	}
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Filter: deadletter.Filter{Limit: 1}})
	if err != nil || result.Done != 1 {
		t.Errorf("the replay's result is %+v, %v; want 1 done", result, err)
	}
	if result, err := b.client.Discard(t.Context(), b.dlq, deadletter.Filter{}, nil); err != nil || result != (deadletter.Result{Total: 1, Done: 1}) {
		t.Errorf("the discard's result is %+v, %v; want 1 done", result, err)
	}
}

// TestAReplayOfLargeDeadLettersBehindSmallOnesKeepsTheOrder: the large ones are more than one
// window may hold.
func TestAReplayOfLargeDeadLettersBehindSmallOnesKeepsTheOrder(t *testing.T) {
	t.Parallel()
	const small, n = 200, 250
	b := newBench(t)
	items := make([]broker.Item, n)
	for i := range items {
		items[i] = broker.Item{Key: b.dlq, Body: []byte{}, Options: []broker.Option{broker.WithMessageID(fmt.Sprint("letter-", i))}}
		if i >= small {
			items[i].Body = make([]byte, 1<<20)
		}
	}
	if err := b.direct.PublishBatch(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{})
	if err != nil || result != (deadletter.Result{Total: n, Done: n}) {
		t.Errorf("the result is %+v, %v; want %d done", result, err, n)
	}
	var replayed []string
	for _, d := range b.drain(b.queue.Name) {
		replayed = append(replayed, d.MessageId)
	}
	if !slices.Equal(replayed, idsTo(n)) || b.depth(b.dlq) != 0 {
		t.Errorf("%d dead letters left, and replayed in order are %v", b.depth(b.dlq), replayed)
	}
}
