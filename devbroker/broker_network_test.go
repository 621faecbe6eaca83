package devbroker_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestDropCutsEveryConnectionAndKeepsTheMessages(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		one, two := connect(t, b), connect(t, b)
		one.declare("q", nil)
		one.put("q", "1", "2", "3")
		one.pull()
		next(t, two.listen("q", 1))
		b.Drop()
		for _, c := range []*client{one, two} {
			check(t, "the client sees", reason(t, c.lost), "EOF")
		}
		synctest.Wait()
		check(t, "consumers", queue(b, "q").Consumers, 0)
		check(t, "messages", strings.Join(bodies(b), " "), "1 2 3")
		again := connect(t, b)
		for _, redelivered := range []bool{true, true, false} {
			check(t, "redelivered", again.pull().Redelivered, redelivered)
		}
	})
}

func TestDropEndsExclusiveAndAutoDeleteQueues(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		_, err := c.QueueDeclare("exclusive", false, false, true, false, nil)
		c.must(err)
		_, err = c.QueueDeclare("auto-delete", false, true, false, false, nil)
		c.must(err)
		c.listen("auto-delete", 1)
		check(t, "queues", len(b.Queues()), 2)
		b.Drop()
		synctest.Wait()
		check(t, "queues", len(b.Queues()), 0)
	})
}

func TestCloseConnectionsReportsTheReason(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		one, two := connect(t, b), connect(t, b)
		one.declare("q", nil)
		one.put("q", "1")
		one.pull()
		b.CloseConnections("moving house")
		for _, c := range []*client{one, two} {
			check(t, "the client hears", reason(t, c.lost), "CONNECTION_FORCED - Closed via devbroker: moving house")
		}
		synctest.Wait()
		check(t, "it comes again", connect(t, b).pull().Redelivered, true)
	})
}

func TestPauseHoldsDeliveriesUntilResume(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{VHosts: []string{"/", "b"}}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		c.declare("p", nil)
		b.Pause("q")
		b.Pause("q")
		b.Pause("none")
		paused, other := c.listen("q", 0), c.listen("p", 0)
		c.put("q", "1", "2")
		c.put("p", "3")
		check(t, "of the other queue", string(next(t, other).Body), "3")
		none(t, paused)
		check(t, "ready", queue(b, "q").Ready, 2)
		check(t, "basic.get goes on", string(c.pull().Body), "1")
		b.Resume("p")
		none(t, paused)
		b.Resume("q")
		check(t, "resumed", string(next(t, paused).Body), "2")
		c.put("q", "4")
		check(t, "and on", string(next(t, paused).Body), "4")
	})
}

func TestAQueueWithoutALeaderSeemsEmptyUntilTheElection(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c, reader := connect(t, b), connect(t, b)
		c.declare("q", amqp.Table{"x-queue-type": "quorum"})
		c.declare("classic", nil)
		for _, name := range []string{"q", "classic", "none"} {
			b.Depose(name)
		}
		deliveries := c.listen("q", 1)
		c.put("q", "1", "2")
		c.put("classic", "3")
		counts := func(queue string) [2]int {
			q, err := c.QueueDeclarePassive(queue, true, false, false, false, nil)
			c.must(err)
			return [2]int{q.Messages, q.Consumers}
		}
		none(t, deliveries)
		check(t, "the counts of the quorum queue", counts("q"), [2]int{0, 0})
		check(t, "the counts of the classic queue", counts("classic"), [2]int{1, 0})
		_, _, err := reader.Get("q", false)
		check(t, "basic.get", err != nil, true)
		check(t, "the connection of basic.get", reason(t, reader.lost), "INTERNAL_ERROR - Cannot get a message from queue 'q' in vhost '/': timeout")
		b.Elect("q")
		check(t, "delivered after the election", string(next(t, deliveries).Body), "1")
		check(t, "the counts after the election", counts("q"), [2]int{1, 1})
	})
}

func TestAPausedQueueStillExpires(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", amqp.Table{"x-message-ttl": 1000, "x-expires": 60_000})
		b.Pause("q")
		c.put("q", "1")
		time.Sleep(time.Second)
		synctest.Wait()
		check(t, "ready", queue(b, "q").Ready, 0)
		time.Sleep(time.Minute)
		check(t, "queues", len(b.Queues()), 0)
	})
}
