package devbroker_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// TestConsumerTimeout has a consumer that does not answer. Nothing may happen before its
// time, and a second after that what the version does.
func TestConsumerTimeout(t *testing.T) {
	t.Parallel()
	const closed, cancelled, never = "channel closed", "consumer cancelled", 0
	quorum, classic := amqp.Table{"x-queue-type": "quorum"}, amqp.Table{}
	within := func(kind string, d time.Duration) amqp.Table {
		return amqp.Table{"x-queue-type": kind, "x-consumer-timeout": d.Milliseconds()}
	}
	for name, tt := range map[string]struct {
		version string
		timeout time.Duration // of the broker
		args    amqp.Table
		after   time.Duration
		want    string
	}{
		"on 3.10 a classic queue's channel is closed after half an hour": {"3.10", 0, classic, 30 * time.Minute, closed},
		"on 3.10 a quorum queue's channel is closed after half an hour":  {"3.10", 0, quorum, 30 * time.Minute, closed},
		"on 3.10 a queue has no timeout of its own":                      {"3.10", 0, within("quorum", time.Minute), 30 * time.Minute, closed},
		"on 4.0 a classic queue's channel is closed after half an hour":  {"4.0", 0, classic, 30 * time.Minute, closed},
		"on 4.0 a quorum queue's channel is closed after half an hour":   {"4.0", 0, quorum, 30 * time.Minute, closed},
		"on 4.0 a quorum queue may have its own timeout":                 {"4.0", 0, within("quorum", time.Minute), time.Minute, closed},
		"on 4.0 a classic queue may have its own timeout":                {"4.0", 0, within("classic", time.Hour), time.Hour, closed},
		"on 4.3 a classic queue waits without a limit":                   {"4.3", 0, classic, never, ""},
		"on 4.3 a quorum queue's consumer is cancelled":                  {"4.3", 0, quorum, 30 * time.Minute, cancelled},
		"on 4.3 a quorum queue may have its own timeout":                 {"4.3", 0, within("quorum", time.Minute), time.Minute, cancelled},
		"on 4.3 a quorum queue's timeout may be longer than a Duration":  {"4.3", 0, amqp.Table{"x-queue-type": "quorum", "x-consumer-timeout": int64(1<<58 + 60_000)}, never, ""},
		"the broker's timeout is as it is set":                           {"4.0", time.Hour, classic, time.Hour, closed},
		"the broker's timeout is as it is set on 4.3":                    {"4.3", time.Hour, quorum, time.Hour, cancelled},
		"the broker has no timeout":                                      {"4.0", -1, classic, never, ""},
		"the broker has no timeout on 4.3":                               {"4.3", -1, quorum, never, ""},
		"the broker has no timeout, but the queue":                       {"4.3", -1, within("quorum", time.Minute), time.Minute, cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{Version: tt.version, ConsumerTimeout: tt.timeout}, func(t *testing.T, b *devbroker.Broker) {
				c := connect(t, b)
				c.declare("q", tt.args)
				c.put("q", "1")
				cancels := c.NotifyCancel(make(chan string, 1))
				next(t, c.listen("q", 1))
				if tt.after == never {
					time.Sleep(365 * 24 * time.Hour)
					check(t, "after a year", c.ended(cancels), "")
					return
				}
				time.Sleep(tt.after - time.Second)
				check(t, "a second before", c.ended(cancels), "")
				time.Sleep(2 * time.Second)
				check(t, "a second after", c.ended(cancels), tt.want)
				check(t, "ready", queue(b, "q").Ready, 1)
				check(t, "redelivered", b.Messages("/", "q")[0].Redelivered, true)
			})
		})
	}
}

// TestARetryPauseLongerThanADurationIsNotOver has two failures, which are requeued at once, and
// multiply the pause of the nack.
func TestARetryPauseLongerThanADurationIsNotOver(t *testing.T) {
	t.Parallel()
	for _, shortest := range []int64{5_000_000_000_000, 1<<58 + 1} { // in ms; a Duration ends at 9.2e12 ms
		bubble(t, devbroker.Config{Version: "4.3"}, func(t *testing.T, b *devbroker.Broker) {
			c := connect(t, b)
			c.declare("q", amqp.Table{"x-queue-type": "quorum", "x-delayed-retry-type": "returned", "x-delayed-retry-min": shortest})
			c.put("q", "1")
			deliveries := c.listen("q", 1)
			c.must(next(t, deliveries).Reject(true))
			c.must(next(t, deliveries).Reject(true))
			c.must(next(t, deliveries).Nack(false, true))
			time.Sleep(time.Minute)
			check(t, "delayed", queue(b, "q").Delayed, 1)
		})
	}
}

// ended says what has become of the consumer.
func (c *client) ended(cancels <-chan string) string {
	synctest.Wait()
	switch {
	case c.IsClosed():
		return "channel closed"
	case len(cancels) > 0:
		return "consumer cancelled"
	}
	return ""
}

func TestConsumerTimeoutReportsItsReason(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{Version: "4.0", ConsumerTimeout: time.Minute}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		c.put("q", "1")
		c.listen("q", 1)
		const want = "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 60000 ms."
		time.Sleep(time.Hour)
		if got := reason(t, c.closed); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q …", got, want)
		}
	})
}

// TestConsumersThatAnswerInTime answer each delivery within the timeout, for hours.
func TestConsumersThatAnswerInTime(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.10", "4.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{Version: version, ConsumerTimeout: time.Minute}, func(t *testing.T, b *devbroker.Broker) {
				c := connect(t, b)
				c.declare("q", amqp.Table{"x-queue-type": "quorum"})
				cancels := c.NotifyCancel(make(chan string, 1))
				deliveries := c.listen("q", 2)
				c.put("q", "first")
				before := next(t, deliveries)
				for range 200 {
					c.put("q", "one more")
					time.Sleep(25 * time.Second)
					c.must(before.Ack(false))
					before = next(t, deliveries)
				}
				check(t, "after more than an hour", c.ended(cancels), "")
			})
		})
	}
}

// TestALateAnswer is about consumers of 4.3, whose channel outlives the timeout.
func TestALateAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		between func(c, other *client) // after the timeout
		answer  func(d amqp.Delivery) error
		left    int // messages in the end, when all channels are closed
		dead    int // dead letters
	}{
		"an ack ends a message that waits":                      {func(_, _ *client) {}, ack, 0, 0},
		"a reject ends a message that waits":                    {func(_, _ *client) {}, reject, 0, 1},
		"a requeue changes nothing":                             {func(_, _ *client) {}, requeue, 1, 0},
		"an ack ends a message that another has in hand":        {func(_, other *client) { other.pull() }, ack, 0, 0},
		"a requeue of what another has in hand changes nothing": {func(_, other *client) { other.pull() }, requeue, 1, 0},
		"an ack of what another has acked changes nothing": {func(_, other *client) {
			d := other.pull()
			other.must(d.Ack(false))
		}, ack, 0, 0},
		"a reject of what another has acked changes nothing": {func(_, other *client) {
			d := other.pull()
			other.must(d.Ack(false))
		}, reject, 0, 0},
		"a reject of what was purged changes nothing":          {func(_, other *client) { other.must(purging("q")(other.Channel)) }, reject, 0, 0},
		"a reject of what was got for good changes nothing":    {func(_, other *client) { other.must(getting("q")(other.Channel)) }, reject, 0, 0},
		"a reject of what another consumed changes nothing":    {func(_, other *client) { other.must(consuming("q")(other.Channel)) }, reject, 0, 0},
		"an ack of a queue that has gone changes nothing":      {func(_, other *client) { other.must(deleting("q")(other.Channel)) }, ack, -1, 0},
		"a reject after a message has expired changes nothing": {func(_, _ *client) { time.Sleep(time.Hour) }, reject, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
				c, other := connect(t, b), connect(t, b)
				c.declare("dlq", nil)
				c.declare("q", amqp.Table{
					"x-queue-type": "quorum", "x-message-ttl": time.Hour.Milliseconds(), "x-consumer-timeout": 60_000,
					"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlq",
				})
				c.put("q", "1")
				d := next(t, c.listen("q", 1))
				time.Sleep(61 * time.Second)
				tt.between(c, other)
				synctest.Wait()
				c.must(tt.answer(d))
				c.must(c.Close()) // as good a channel as before
				c.must(other.Close())
				check(t, "left", queue(b, "q").Ready, tt.left)
				check(t, "dead letters", queue(b, "dlq").Ready, tt.dead)
			})
		})
	}
}

func ack(d amqp.Delivery) error { return d.Ack(false) }

func reject(d amqp.Delivery) error { return d.Reject(false) }

func requeue(d amqp.Delivery) error { return d.Reject(true) }
