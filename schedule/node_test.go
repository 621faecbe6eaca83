package schedule_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/schedule"
)

// TestTheNodeIsKilled checks that ticks that a killed broker lost are published again.
func TestTheNodeIsKilled(t *testing.T) {
	rabbit.NeedsDisk(t)
	t.Parallel()
	node, group := rabbit.Start(t), rabbit.Queue(t)
	declared(t, node.URL(), group)
	var all []*running
	for range 2 {
		r := &running{t: t, done: make(chan error, 1)}
		r.Scheduler = schedule.New(schedule.Config{
			Name: group, Broker: broker.Config{URL: node.URL()}, Logger: slog.New(slog.DiscardHandler),
			Entries: []schedule.Entry{{Name: "second", Cron: "* * * * * *", Key: group, Tolerance: time.Hour}}, // however slow the node is
		})
		all = append(all, r.start())
	}
	for kills := range 3 {
		before := arrivedAt(t, node.URL(), group)
		rabbit.Eventually(t, 5*time.Minute, func() bool { return arrivedAt(t, node.URL(), group) >= before+5 }, "ticks arrive")
		if kills == 2 {
			break
		}
		node.Settle(t)
		node.Kill(t)
		node.Restart(t)
	}
	for _, r := range all {
		r.end()
	}
	c := count(t, drained(t, node.URL(), group))
	t.Logf("%d ticks, %d twice, %d lost", c.ticks, c.twice, c.lost)
	if c.lost > 0 || c.twice > 2 {
		t.Error("want no tick lost, and for each kill one published twice at most")
	}
}

// declared makes a queue that outlives the node.
func declared(t *testing.T, url, queue string) {
	t.Helper()
	_, err := rabbit.Channel(t, url).QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	if err != nil {
		t.Fatal(err)
	}
}

// arrivedAt returns how many messages a queue has; 0 if the node does not say.
func arrivedAt(t *testing.T, url, queue string) int {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		return 0
	}
	defer func() {
		if err := conn.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
			t.Log(err)
		}
	}()
	ch, err := conn.Channel()
	if err != nil {
		return 0
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return 0
	}
	return q.Messages
}

// drained takes all messages out of a queue.
func drained(t *testing.T, url, queue string) (all []arrival) {
	t.Helper()
	ch := rabbit.Channel(t, url)
	for {
		d, ok, err := ch.Get(queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, arrival{id: d.MessageId, at: time.Now()})
	}
}
