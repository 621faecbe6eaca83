package deadletter_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestReplayGoesToItsOwnQueueOnly has a second queue bound to all of the exchange.
func TestReplayGoesToItsOwnQueueOnly(t *testing.T) {
	t.Parallel()
	const n = 20
	b := newBench(t)
	b.failed(n)
	other := rabbit.Queue(t)
	if _, err := b.channel.QueueDeclare(other, false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.channel.QueueBind(other, "#", b.queue.Exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{})
	if err != nil || result != (deadletter.Result{Total: n, Done: n}) {
		t.Fatalf("the result is %+v, %v", result, err)
	}
	if got := b.depth(other); got != 0 {
		t.Errorf("the other queue of the exchange got %d messages", got)
	}
	var replayed []string
	for _, d := range b.drain(b.queue.Name) {
		replayed = append(replayed, d.MessageId)
	}
	if !slices.Equal(replayed, idsTo(n)) || b.depth(b.dlq) != 0 {
		t.Errorf("%d dead letters left, and replayed in order are %v", b.depth(b.dlq), replayed)
	}
}

// TestReplayOfWhatTheBrokerTookFromAPartition: the broker dead-letters a message that waits in a
// partition, and it comes back through the queue, with its exchange and routing key.
func TestReplayOfWhatTheBrokerTookFromAPartition(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(q *worker.Queue) {
		q.Partitions, q.OrderBy = 2, func(m *message.Message) string { return m.Headers.String("tenant") }
	})
	moved := record.Move(&message.Message{ID: "m", Exchange: b.queue.Exchange, RoutingKey: "user.signed_up", Headers: message.Headers{"tenant": "blue"}}, b.queue.Name)
	err := b.channel.Publish("", topology.Partition(b.queue.Name, 0), true, false, amqp.Publishing{MessageId: moved.ID, Headers: amqp.Table(moved.Headers)})
	if err != nil {
		t.Fatal(err)
	}
	ch := rabbit.Channel(t, b.cfg.URL)
	deliveries, err := ch.Consume(topology.Partition(b.queue.Name, 0), "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := <-deliveries
	if err := d.Reject(false); err != nil {
		t.Fatal(err)
	}
	b.eventually("it is a dead letter", func() bool { return b.depth(b.dlq) == 1 })
	if err := ch.Close(); err != nil { // the next consumer is active then
		t.Fatal(err)
	}
	l := b.only()
	if l.WorkQueue != b.queue.Name || l.Reason != "rejected" || l.Message.Exchange != b.queue.Exchange || l.Message.RoutingKey != "user.signed_up" {
		t.Errorf("the dead letter is %+v", l)
	}
	if _, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{}); err != nil {
		t.Fatal(err)
	}
	if n := b.depth(b.queue.Name); n != 1 {
		t.Errorf("the queue has %d messages, want the replayed one", n)
	}
	seen := make(chan message.Message, 1)
	b.run(func(_ context.Context, m *message.Message) error {
		seen <- *m
		return nil
	})
	if m := <-seen; m.ID != "m" || m.Exchange != b.queue.Exchange || m.RoutingKey != "user.signed_up" || m.Queue != b.queue.Name || m.Attempt != 1 {
		t.Errorf("the handler got %+v", m)
	}
}

// TestReplayKeepsEmptyRoutingKeysAndExchanges publishes to a fanout exchange without a
// routing key, and to the queue by its name.
func TestReplayKeepsEmptyRoutingKeysAndExchanges(t *testing.T) {
	t.Parallel()
	type origin struct{ exchange, key string }
	b := newBench(t, func(q *worker.Queue) { q.ExchangeKind = "fanout" })
	want := map[origin]bool{{b.queue.Exchange, ""}: true, {"", b.queue.Name}: true}
	for at := range want {
		if err := b.channel.PublishWithContext(t.Context(), at.exchange, at.key, true, false, amqp.Publishing{}); err != nil {
			t.Fatal(err)
		}
	}
	stop := b.run(broken)
	b.eventually("both are dead letters", func() bool { return b.depth(b.dlq) == len(want) })
	stop()
	seen := make(chan origin, len(want))
	b.run(func(_ context.Context, m *message.Message) error {
		seen <- origin{m.Exchange, m.RoutingKey}
		return nil
	})
	if _, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{}); err != nil {
		t.Fatal(err)
	}
	for range len(want) {
		if got := <-seen; !want[got] {
			t.Errorf("the handler got %+v, want one of %v", got, want)
		}
	}
}

// TestReplayedMessageIsAsIfItHadNeverFailed allows only the headers of the replay itself.
func TestReplayedMessageIsAsIfItHadNeverFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	headers := message.Headers{"tenant": "blue", "n": int32(7), "list": []any{int64(1), "two"}, "bytes": []byte{0, 255}}
	b.fail(1, broken, func(int) broker.Item {
		return broker.Item{Key: "user.signed_up", Body: []byte("a\x00b\xff"), Options: []broker.Option{
			broker.WithProperties(broker.Properties{Type: "signed-up", AppID: "shop"}), broker.WithMessageID("m"), broker.WithHeaders(headers), broker.WithPriority(4), broker.WithReplyTo("back"),
			broker.WithCorrelationID("c"), broker.WithContentType("text/x-odd"), broker.WithExpiration(time.Hour),
		}}
	})
	began := time.Now()
	if _, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{By: "alice"}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got *message.Message
	b.run(func(_ context.Context, m *message.Message) error {
		mu.Lock()
		defer mu.Unlock()
		got = m
		return nil
	})
	b.eventually("it is handled", func() bool { mu.Lock(); defer mu.Unlock(); return got != nil })
	if got.ID != "m" || string(got.Body) != "a\x00b\xff" || got.Exchange != b.queue.Exchange || got.RoutingKey != "user.signed_up" || got.Attempt != 1 ||
		got.Priority != 4 || got.Type != "signed-up" || got.ReplyTo != "back" || got.CorrelationID != "c" || got.AppID != "shop" || got.ContentType != "text/x-odd" {
		t.Errorf("the handler got %+v", got)
	}
	at, err := got.Headers.Time(record.HeaderReplayedAt)
	if err != nil || at.Before(began) || got.Headers.String(record.HeaderReplayedBy) != "alice" || got.Headers.String(record.HeaderExpiration) != "3600000" {
		t.Errorf("its headers are %v, %v", got.Headers, err)
	}
	for name, value := range got.Headers {
		switch name {
		case record.HeaderExchange, record.HeaderRoutingKey, record.HeaderExpiration, record.HeaderReplayedAt, record.HeaderReplayedBy, record.HeaderPublishedAt, "traceparent":
		default:
			if !reflect.DeepEqual(value, headers[name]) {
				t.Errorf("header %s is %v, want %v", name, value, headers[name])
			}
		}
	}
}

// TestNewcomersAreNotSweptIn has each replayed message fail again during the replay, and
// publishes one more dead letter for each.
func TestNewcomersAreNotSweptIn(t *testing.T) {
	t.Parallel()
	const n = 300
	b := newBench(t)
	b.failed(n)
	stop := b.run(broken)
	late := 0
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Progress: func(r deadletter.Result) {
		late++
		if err := b.direct.Publish(t.Context(), b.dlq, "late", broker.WithPriority(9)); err != nil {
			t.Error(err)
		}
		if r.Total != n {
			t.Errorf("total is %d, want %d", r.Total, n)
		}
	}})
	if err != nil || result.Done > n || result.Done+result.Newer < n {
		t.Errorf("the result is %+v, %v; want %d at most", result, err, n)
	}
	b.eventually("all have failed again", func() bool { return b.depth(b.queue.Name) == 0 && b.depth(b.dlq) == n+late })
	stop()
	var again []string
	for _, l := range b.read() {
		if string(l.Message.Body) != `"late"` {
			again = append(again, l.ID)
		}
	}
	slices.Sort(again)
	if want := slices.Sorted(slices.Values(idsTo(n))); !slices.Equal(again, want) {
		t.Errorf("%d dead letters of the first, want %d", len(again), n)
	}
}

func TestReplayOfSome(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(10)
	filter, err := deadletter.ParseFilter("key=user.*,error=declined,header.tenant=blue,limit=3")
	if err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Filter: filter})
	if err != nil || result != (deadletter.Result{Total: 10, Done: 3}) {
		t.Errorf("the result is %+v, %v; want 3 of 10", result, err)
	}
	result, err = b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Filter: deadletter.Filter{ID: "letter-7"}})
	if err != nil || result != (deadletter.Result{Total: 7, Done: 1, Skipped: 6}) {
		t.Errorf("the result is %+v, %v; want one of 7", result, err)
	}
	if want := slices.Delete(idsTo(10)[3:], 4, 5); !slices.Equal(ids(b.read()), want) {
		t.Errorf("left are %v, want %v", ids(b.read()), want)
	}
}

// TestReplayAtARateEndsWithItsContext checks that no message is published after the
// context is done. At its rate, the second message is due after an hour.
func TestReplayAtARateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(20)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	result, err := b.client.Replay(ctx, b.dlq, deadletter.Replay{Rate: 1. / 3600, Progress: func(r deadletter.Result) {
		if r.Done == 1 {
			cancel(enough)
		}
	}})
	if !errors.Is(err, enough) || result.Done != 1 || result.Failed != 0 {
		t.Errorf("the result is %+v, %v; want 1 and the context's cause", result, err)
	}
	if got := ids(b.read()); !slices.Equal(got, idsTo(20)[1:]) || b.depth(b.queue.Name) != 1 {
		t.Errorf("left are %v, and %d in the work queue", got, b.depth(b.queue.Name))
	}
}

func TestReplayAtARateTakesItsTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(5)
	began := time.Now()
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Rate: 20})
	if err != nil || result.Done != 5 {
		t.Errorf("the result is %+v, %v; want 5", result, err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("5 dead letters took %v at 20 a second", took)
	}
}

// TestASlowReplayLetsOthersLook reads the queue during a replay of 8 s.
func TestASlowReplayLetsOthersLook(t *testing.T) {
	t.Parallel()
	const n = 40
	b := newBench(t)
	b.failed(n)
	begun, ended := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	go func() {
		defer close(ended)
		result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Rate: 5, Progress: func(deadletter.Result) { begin() }})
		if err != nil || result != (deadletter.Result{Total: n, Done: n}) {
			t.Errorf("the result is %+v, %v; want %d", result, err, n)
		}
	}()
	<-begun
	looked, err := ids(b.read()), error(nil)
	select {
	case <-ended:
		err = errors.New("the replay had ended")
	default:
	}
	if err != nil || len(looked) == 0 || !slices.Equal(looked, idsTo(n)[n-len(looked):]) {
		t.Errorf("saw %v, %v; want the last of the dead letters, in their order", looked, err)
	}
	<-ended
	var replayed []string
	for _, d := range b.drain(b.queue.Name) {
		replayed = append(replayed, d.MessageId)
	}
	if !slices.Equal(replayed, idsTo(n)) || b.depth(b.dlq) != 0 {
		t.Errorf("%d dead letters left, and replayed in order are %v", b.depth(b.dlq), replayed)
	}
}

func TestDeadLettersThatCannotBeReplayedStay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failed(3)
	if _, err := b.channel.QueueDelete(b.queue.Name, false, false, false); err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{})
	if !errors.Is(err, broker.ErrUnroutable) || result != (deadletter.Result{Total: 3, Failed: 3}) || !strings.Contains(err.Error(), "letter-2") {
		t.Errorf("the result is %+v, %v; want all failed", result, err)
	}
	if got := ids(b.read()); !slices.Equal(got, idsTo(3)) {
		t.Errorf("left are %v", got)
	}
	if _, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{Rate: -1, Canary: -1}); err == nil || strings.Count(err.Error(), "deadletter: ") != 2 {
		t.Errorf("got %v, want two faults", err)
	}
}

func TestReplayEndsAtAFullQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	full := b.queue.Name + "-full"
	declare(t, b, full, amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	if err := b.direct.Publish(t.Context(), full, "one"); err != nil {
		t.Fatal(err)
	}
	dlq := topology.DeadLetterQueue(full)
	declare(t, b, dlq, nil)
	for i := range 500 {
		if err := b.channel.Publish("", dlq, true, false, amqp.Publishing{Body: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually("they are there", func() bool { return b.depth(dlq) == 500 })
	result, err := b.client.Replay(t.Context(), dlq, deadletter.Replay{})
	if !errors.Is(err, broker.ErrNacked) || result.Failed == 0 || result.Failed > 200 {
		t.Errorf("the result is %+v, %v; want ErrNacked before all were tried", result, err)
	}
	b.eventually("none is lost", func() bool { return b.depth(dlq)+result.Done == 500 })
}

func TestAReplayFromASharedDeadLetterQueueGoesToTheQueueOfTheRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.dlq = topology.DeadLetterQueue(b.queue.Name + "-all")
	declare(t, b, b.dlq, nil)
	b.put(amqp.Publishing{Headers: amqp.Table{record.HeaderQueue: b.queue.Name}})
	if result, err := b.client.Replay(t.Context(), b.dlq, deadletter.Replay{}); err != nil || result.Done != 1 {
		t.Errorf("the result is %+v, %v", result, err)
	}
	b.eventually("the message is in its work queue", func() bool { return b.depth(b.queue.Name) == 1 })
}

func TestDeadLetterWithoutAWorkQueueStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	graveyard := b.queue.Name + "-graveyard"
	declare(t, b, graveyard, nil)
	if err := b.direct.Publish(t.Context(), graveyard, "hello"); err != nil {
		t.Fatal(err)
	}
	result, err := b.client.Replay(t.Context(), graveyard, deadletter.Replay{})
	if err == nil || !strings.Contains(err.Error(), "work queue") || result != (deadletter.Result{Total: 1, Failed: 1}) || b.depth(graveyard) != 1 {
		t.Errorf("the result is %+v, %v, and %d are left", result, err, b.depth(graveyard))
	}
}

func declare(t *testing.T, b *bench, queue string, args amqp.Table) {
	t.Helper()
	if _, err := b.channel.QueueDeclare(queue, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := rabbit.Channel(t, b.cfg.URL).QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	})
}
