package devbroker_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestBlockHoldsPublishersUntilUnblock(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		c.put("q", "before")
		told := c.conn.NotifyBlocked(make(chan amqp.Blocking, 2))

		b.Block("low on disk")
		none(t, told)
		confirm := c.publish("q", "during")
		check(t, "told", <-told, amqp.Blocking{Active: true, Reason: "low on disk"})
		time.Sleep(time.Hour)
		check(t, "messages an hour later", strings.Join(bodies(b), " "), "before")

		b.Unblock()
		check(t, "told", <-told, amqp.Blocking{Active: false})
		check(t, "confirmed", (<-confirm).Wait(), true)
		check(t, "messages", strings.Join(bodies(b), " "), "before during")
	})
}

// publish publishes in the background: a blocked connection may keep it waiting.
func (c *client) publish(queue, body string) <-chan *amqp.DeferredConfirmation {
	done := make(chan *amqp.DeferredConfirmation, 1)
	go func() {
		confirm, err := c.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{Body: []byte(body)})
		if err != nil {
			c.t.Error(err)
		}
		done <- confirm
	}()
	return done
}

func TestBlockLeavesConsumersAlone(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		c.put("q", "1", "2")
		b.Block("")
		told := c.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
		deliveries := c.listen("q", 1)
		for range 2 {
			c.must(next(t, deliveries).Ack(false))
		}
		none(t, told)
		check(t, "in hand", queue(b, "q").Unacked, 0)
	})
}

func TestBlockTwiceNotifiesOnce(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		told := c.conn.NotifyBlocked(make(chan amqp.Blocking, 9))
		b.Unblock()
		b.Block("one")
		b.Block("two")
		confirm := c.publish("q", "1")
		synctest.Wait()
		b.Block("three")
		b.Unblock()
		b.Unblock()
		check(t, "told", <-told, amqp.Blocking{Active: true, Reason: "two"})
		check(t, "told", <-told, amqp.Blocking{Active: false})
		none(t, told)
		check(t, "confirmed", (<-confirm).Wait(), true)
	})
}

func TestAClientMayGoWhileItIsBlocked(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c, gone := connect(t, b), connect(t, b)
		c.declare("q", nil)
		c.put("q", "1")
		gone.pull()
		told := gone.conn.NotifyBlocked(make(chan amqp.Blocking, 2))
		b.Block("")
		go func() { _ = gone.Publish("", "nowhere", false, false, amqp.Publishing{}) }()
		<-told
		go func() { _ = gone.conn.CloseDeadline(time.Now().Add(time.Second)) }()
		time.Sleep(time.Minute)
		b.Unblock()
		synctest.Wait()
		check(t, "it comes again", c.pull().Redelivered, true)
	})
}

// TestMemoryLimit publishes more than there is room for. A second connection consumes,
// as blocked ones are not read from.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const messages, size, room = 100, 10_000, 20
	bubble(t, devbroker.Config{MemoryLimit: room * size}, func(t *testing.T, b *devbroker.Broker) {
		publisher, consumer := connect(t, b), connect(t, b)
		publisher.declare("q", nil)
		told := publisher.conn.NotifyBlocked(make(chan amqp.Blocking, 2*messages))
		confirms := make(chan *amqp.DeferredConfirmation, messages)
		go func() {
			for range messages {
				confirms <- <-publisher.publish("q", strings.Repeat("a", size))
			}
		}()

		time.Sleep(time.Hour)
		check(t, "told", <-told, amqp.Blocking{Active: true, Reason: "low on memory"})
		held := queue(b, "q").Ready
		if held < room/2 || held > room+1 {
			t.Errorf("%d messages are held, want about %d", held, room)
		}
		deliveries := consumer.listen("q", 1)
		for i := range messages {
			d := next(t, deliveries)
			if len(d.Body) != size {
				t.Fatalf("message %d has %d bytes, want %d", i, len(d.Body), size)
			}
			if q := queue(b, "q"); q.Ready+q.Unacked > room+1 {
				t.Fatalf("%d messages are held, want %d at most", q.Ready+q.Unacked, room+1)
			}
			consumer.must(d.Ack(false))
		}
		for range messages {
			check(t, "confirmed", (<-confirms).Wait(), true)
		}
		synctest.Wait()
		check(t, "left", queue(b, "q").Ready+queue(b, "q").Unacked, 0)
		last := amqp.Blocking{Active: true}
		for len(told) > 0 {
			last = <-told
		}
		check(t, "still blocked", last.Active, false)
	})
}

// TestMemoryIsGivenBack drops messages in all ways; after each there must be room again.
func TestMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args amqp.Table
		drop func(c *client)
	}{
		"by a purge":            {nil, func(c *client) { c.must(purging("q")(c.Channel)) }},
		"by deleting the queue": {nil, func(c *client) { c.must(deleting("q")(c.Channel)) }},
		"by get without an ack": {nil, func(c *client) { c.must(getting("q")(c.Channel)) }},
		"by a consumer":         {nil, func(c *client) { c.must(consuming("q")(c.Channel)) }},
		"by an ack":             {nil, func(c *client) { d := c.pull(); c.must(d.Ack(false)) }},
		"by a reject":           {nil, func(c *client) { d := c.pull(); c.must(d.Reject(false)) }},
		"by its time to live":   {amqp.Table{"x-message-ttl": 1000}, func(*client) { time.Sleep(time.Second) }},
		"by its queue's expiry": {amqp.Table{"x-expires": 1000}, func(*client) { time.Sleep(time.Second) }},
		"by a delivery limit":   {amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 0}, func(c *client) { d := c.pull(); c.must(d.Reject(true)) }},
		"by a queue that is deleted while a client has it in hand": {nil, func(c *client) {
			d := c.pull()
			c.must(deleting("q")(c.Channel))
			c.must(d.Ack(false))
		}},
		"by an overflow that is dead-lettered to nowhere": {
			amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": "nowhere"},
			func(c *client) { c.must(purging("q")(c.Channel)) },
		},
		"by a channel that closes after its queue has gone": {nil, func(c *client) {
			c.pull()
			c.must(deleting("q")(c.Channel))
			c.must(c.Close())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{MemoryLimit: 10_000}, func(t *testing.T, b *devbroker.Broker) {
				c, other := connect(t, b), connect(t, b)
				told := other.conn.NotifyBlocked(make(chan amqp.Blocking, 2))
				c.declare("q", tt.args)
				c.declare("rest", nil)
				c.put("q", strings.Repeat("a", 10_000))
				confirm := other.publish("rest", "waits")
				check(t, "told", <-told, amqp.Blocking{Active: true, Reason: "low on memory"})
				tt.drop(c)
				check(t, "told", <-told, amqp.Blocking{Active: false})
				check(t, "confirmed", (<-confirm).Wait(), true)
			})
		})
	}
}

// TestMemoryOfACopy makes sure that a message in many queues counts once, until the last
// of them has dropped it.
func TestMemoryOfACopy(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{MemoryLimit: 20_000}, func(t *testing.T, b *devbroker.Broker) {
		c, other := connect(t, b), connect(t, b)
		told := other.conn.NotifyBlocked(make(chan amqp.Blocking, 2))
		for _, name := range []string{"1", "2", "3"} {
			c.declare(name, nil)
			c.must(c.QueueBind(name, "", "amq.fanout", false, nil))
		}
		c.declare("rest", nil)
		check(t, "confirmed", c.send("amq.fanout", "", strings.Repeat("a", 15_000)).Wait(), true)
		other.put("rest", "has room")
		c.put("rest", strings.Repeat("a", 5_000))
		confirm := other.publish("rest", "waits")
		check(t, "told", (<-told).Active, true)
		for _, name := range []string{"1", "2"} {
			c.must(purging(name)(c.Channel))
			none(t, told)
		}
		c.must(purging("3")(c.Channel))
		check(t, "told", (<-told).Active, false)
		check(t, "confirmed", (<-confirm).Wait(), true)
	})
}

func TestUnblockDoesNotEndARealShortage(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{MemoryLimit: 10_000}, func(t *testing.T, b *devbroker.Broker) {
		c, other := connect(t, b), connect(t, b)
		told := other.conn.NotifyBlocked(make(chan amqp.Blocking, 2))
		c.declare("q", nil)
		c.put("q", strings.Repeat("a", 10_000))
		b.Block("as I like")
		confirm := other.publish("q", "waits")
		check(t, "told", <-told, amqp.Blocking{Active: true, Reason: "as I like"})
		b.Unblock()
		none(t, told)
		c.must(purging("q")(c.Channel))
		check(t, "told", <-told, amqp.Blocking{Active: false})
		check(t, "confirmed", (<-confirm).Wait(), true)
	})
}
