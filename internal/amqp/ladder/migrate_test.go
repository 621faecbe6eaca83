package ladder_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp/ladder"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

const levels = 23

// old is a broker with the ladder of an earlier version, the queue email and the exchange
// events.
type old struct {
	url     string
	channel *amqp091.Channel
	due     map[string]time.Time // by message id
}

func newOld(t *testing.T) *old {
	t.Helper()
	o := &old{url: rabbit.Start(t).URL(), due: make(map[string]time.Time)}
	o.channel = rabbit.Channel(t, o.url)
	l, err := rabbit.NewLadder(o.channel)
	_, queueErr := o.channel.QueueDeclare("email", true, false, false, false, amqp091.Table{"x-queue-type": "quorum"})
	if err := errors.Join(err, queueErr, o.channel.ExchangeDeclare("events", "topic", true, false, false, false, nil),
		o.channel.QueueBind("email", "user.#", "events", false, nil), o.channel.Confirm(false)); err != nil {
		t.Fatal(err)
	}
	_, forErr := l.For("email")
	_, toErr := l.To("events")
	if err := errors.Join(l.Return("email"), forErr, toErr); err != nil {
		t.Fatal(err)
	}
	return o
}

// put publishes message i to the ladder, as an earlier version did.
func (o *old) put(t *testing.T, i int, d time.Duration) *amqp091.DeferredConfirmation {
	t.Helper()
	now := time.Now()
	p := amqp091.Publishing{MessageId: strconv.Itoa(i), Timestamp: now, DeliveryMode: amqp091.Persistent, Body: []byte(strconv.Itoa(i))}
	queue := "email"
	switch i / levels % 4 {
	case 0: // a retry
		p.Timestamp = now.Add(-time.Hour)
		p.Headers = amqp091.Table{
			record.HeaderQueue: "email", record.HeaderRetryCount: int64(1), record.HeaderExchange: "events", record.HeaderRoutingKey: "user.new",
			record.HeaderReason: message.ReasonError, record.HeaderLastFailedAt: now.UTC().Format(time.RFC3339Nano),
		}
	case 1: // delayed, to an exchange
		queue = "warren.delay.to.events"
		p.Headers = amqp091.Table{"BCC": []any{"user.new"}, record.HeaderExchange: "events", record.HeaderRoutingKey: "user.new"}
	case 2: // delayed, to a queue
		queue = "warren.delay.for.email"
		p.Headers = amqp091.Table{record.HeaderRoutingKey: "email"}
	case 3: // to a queue that no longer exists
		queue = "gone"
	}
	exchange, key := rabbit.LadderEntry(d, queue)
	sent, err := o.channel.PublishWithDeferredConfirmWithContext(t.Context(), exchange, key, true, false, p)
	if err != nil {
		t.Fatal(err)
	}
	if queue != "gone" {
		o.due[p.MessageId] = now.Add(d)
	}
	return sent
}

// fill puts n messages of all levels on the ladder.
func (o *old) fill(t *testing.T, n int) {
	t.Helper()
	var sent []*amqp091.DeferredConfirmation
	for i := range n {
		grains := 1 << (i % levels)
		sent = append(sent, o.put(t, i, time.Duration(grains+rand.IntN(grains))*100*time.Millisecond))
	}
	for _, s := range sent {
		if !s.Wait() {
			t.Fatal("the broker refused a message")
		}
	}
}

// TestAMigrationLosesNothing although it is killed twice on its way: each of 2,000 messages
// of all levels is in a queue of the new layout, or has come out of the ladder.
func TestAMigrationLosesNothing(t *testing.T) {
	rabbit.NeedsNetwork(t, "it kills processes")
	t.Parallel()
	const messages = 2000
	o := newOld(t)
	o.fill(t, messages)
	for range 2 {
		killed(t, o.url, 300)
	}
	result, err := migrate(t.Context(), o.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"warren.delay.for.email", "warren.delay.to.events"}; !slices.Equal(result.Ends, want) {
		t.Errorf("the queues behind the ladder are %v, want %v", result.Ends, want)
	}
	o.gone(t)
	o.audit(t, messages, result)
}

// killed starts a migration in another process and kills it after n messages.
func killed(t *testing.T, url string, n int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), childVariable+"="+url), os.Stderr
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			t.Fatal("the migration ended by itself")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// gone checks that no part of the ladder exists.
func (o *old) gone(t *testing.T) {
	t.Helper()
	names := []string{"warren.delay.out"}
	for k := range levels {
		names = append(names, ladder.Level(k))
	}
	for _, name := range names {
		for what, look := range map[string]func(*amqp091.Channel) error{
			"queue": func(ch *amqp091.Channel) error {
				_, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
				return err
			},
			"exchange": func(ch *amqp091.Channel) error {
				return ch.ExchangeDeclarePassive(name, "topic", true, false, false, false, nil)
			},
		} {
			if err := look(rabbit.Channel(t, o.url)); err == nil {
				t.Errorf("%s %s still exists", what, name)
			}
		}
	}
}

// lateAtMost bounds how much later than on the ladder a message is due: 1 s because the broker
// has whole seconds, and the time that the ladder takes between two levels.
const lateAtMost = 5 * time.Second

// audit takes all messages from the queues, and checks that each is there and when it is
// due.
func (o *old) audit(t *testing.T, messages int, r ladder.Result) {
	t.Helper()
	seen := make(map[string]int)
	var latest time.Duration
	for _, queue := range []string{"email", "email.delay", "warren.delayed.events", "warren.unrouted"} {
		for _, d := range taken(t, o.channel, queue) {
			seen[d.MessageId]++
			want, ok := o.due[d.MessageId]
			if queue == "warren.unrouted" || queue == "email" {
				if ok == (queue == "warren.unrouted") {
					t.Errorf("message %s is in %s", d.MessageId, queue)
				}
				continue
			}
			due, err := message.Headers(d.Headers).Time(record.HeaderDue)
			late := due.Sub(want)
			if latest = max(latest, late); err != nil || !ok || late < 0 || late > lateAtMost {
				t.Errorf("message %s in %s is due %v after its time, want 0 to %v: %v", d.MessageId, queue, late, lateAtMost, err)
			}
			if _, ok := d.Headers["x-death"]; ok || queue == "warren.delayed.events" && d.Headers[record.HeaderRoutingKey] != "user.new" {
				t.Errorf("message %s in %s has the headers %v", d.MessageId, queue, d.Headers)
			}
		}
	}
	duplicates := 0
	for _, n := range seen {
		duplicates += n - 1
	}
	t.Logf("%d of %d messages, %d duplicates, due at most %v late; the last migration: %v", len(seen), messages, duplicates, latest, r)
	if len(seen) != messages || duplicates > 2*128 {
		t.Errorf("found %d messages and %d duplicates, want %d and at most 256", len(seen), duplicates, messages)
	}
}

// taken returns the messages of a queue and removes them.
func taken(t *testing.T, ch *amqp091.Channel, queue string) (all []amqp091.Delivery) {
	t.Helper()
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(queue, queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range q.Messages {
		select {
		case d := <-deliveries:
			all = append(all, d)
		case <-time.After(30 * time.Second):
			t.Fatalf("%s has %d messages and delivered %d", queue, q.Messages, len(all))
		}
	}
	return all
}
