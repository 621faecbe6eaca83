package devbroker_test

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestQueuesAreListedByVirtualHostAndName(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{VHosts: []string{"b", "a"}})
	check(t, "at first", len(b.Queues()), 0)
	for _, vhost := range []string{"a", "b"} {
		conn, err := dial(b, "amqp://guest:guest@devbroker.invalid/"+vhost)
		if err != nil {
			t.Fatal(err)
		}
		c := open(t, conn)
		c.declare("2", nil)
		c.declare("1", nil)
	}
	var got []string
	for _, q := range b.Queues() {
		got = append(got, q.VHost+q.Name)
	}
	check(t, "queues", fmt.Sprint(got), "[a1 a2 b1 b2]")
}

func TestQueuesDescribesEachQueue(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", amqp.Table{
			"x-queue-type": "quorum", "x-delivery-limit": 7, "x-dead-letter-exchange": "dlx",
			"x-mine": amqp.Table{"list": []any{true, "a"}, "at": time.Unix(7, 0)},
		})
		c.put("q", "1", "2", "3")
		c.pull()
		deliveries := c.listen("q", 1)
		next(t, deliveries)
		want := devbroker.QueueInfo{
			VHost: "/", Name: "q", Type: "quorum", Ready: 1, Unacked: 2, Consumers: 1,
			Arguments: map[string]any{
				"x-queue-type": "quorum", "x-delivery-limit": int32(7), "x-dead-letter-exchange": "dlx",
				"x-mine": map[string]any{"list": []any{true, "a"}, "at": time.Unix(7, 0)},
			},
		}
		if got := b.Queues(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		c.declare("plain", nil)
		if got := queue(b, "plain"); got.Type != "classic" || len(got.Arguments) != 0 {
			t.Errorf("got %+v, want a classic queue without arguments", got)
		}
	})
}

func TestMessagesAreCopies(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", amqp.Table{"x-max-priority": 9})
	c.must(c.QueueBind("q", "key", "amq.direct", false, nil))
	confirm, err := c.PublishWithDeferredConfirm("amq.direct", "key", false, false, amqp.Publishing{
		Headers:  amqp.Table{"n": int64(1), "t": amqp.Table{"in": "side"}, "at": time.Unix(9, 0), "l": []any{"a"}},
		Priority: 5, MessageId: "id", ContentType: "text/plain", Body: []byte("body"),
	})
	c.must(err)
	check(t, "confirmed", confirm.Wait(), true)
	want := devbroker.Message{
		Exchange: "amq.direct", RoutingKey: "key", Priority: 5, MessageID: "id", ContentType: "text/plain", Body: []byte("body"),
		Headers: map[string]any{"n": int64(1), "t": map[string]any{"in": "side"}, "at": time.Unix(9, 0), "l": []any{"a"}},
	}
	got := b.Messages("/", "q")
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	got[0].Body[0] = 'X'
	got[0].Headers["n"] = "X"
	if inner, ok := got[0].Headers["t"].(map[string]any); ok {
		inner["in"] = "X"
	}
	d := c.pull()
	check(t, "body", string(d.Body), "body")
	check(t, "headers", fmt.Sprint(d.Headers["n"], d.Headers["t"]), "1 map[in:side]")
}

func TestMessagesAreInTheOrderOfDelivery(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	c := connect(t, b)
	c.declare("q", amqp.Table{"x-max-priority": 2})
	for i, priority := range []uint8{0, 2, 1, 0, 9, 1} {
		confirm, err := c.PublishWithDeferredConfirm("", "q", false, false,
			amqp.Publishing{Priority: priority, Body: []byte{byte('1' + i)}})
		c.must(err)
		check(t, "confirmed", confirm.Wait(), true)
	}
	check(t, "messages", fmt.Sprint(bodies(b)), "[2 5 3 6 1 4]")
	for _, want := range bodies(b) {
		check(t, "got", string(c.pull().Body), want)
	}
}

func TestInspectingChangesNoMessage(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 1})
		c.declare("unused", amqp.Table{"x-expires": 3000})
		c.put("q", "1")
		for range 100 {
			b.Messages("/", "q")
			b.Messages("/", "unused")
			b.Queues()
		}
		time.Sleep(2 * time.Second)
		b.Queues()
		b.Messages("/", "unused")
		time.Sleep(time.Second)
		synctest.Wait() // it goes at this very moment
		check(t, "queues: looking is not using", len(b.Queues()), 1)
		d := c.pull()
		check(t, "redelivered", d.Redelivered, false)
		check(t, "counts", fmt.Sprint(d.Headers), "map[]")
	})
}

func TestMessagesOfMissingQueuesAndExchanges(t *testing.T) {
	t.Parallel()
	b := pipe(t, devbroker.Config{})
	check(t, "no such queue", len(b.Messages("/", "q")), 0)
	check(t, "no such virtual host", len(b.Messages("none", "q")), 0)
}

func TestMessagesInHandAreNotListed(t *testing.T) {
	t.Parallel()
	bubble(t, devbroker.Config{}, func(t *testing.T, b *devbroker.Broker) {
		c := connect(t, b)
		c.declare("q", nil)
		c.put("q", "1", "2")
		d := c.pull()
		check(t, "messages", fmt.Sprint(bodies(b)), "[2]")
		c.must(d.Nack(false, true))
		synctest.Wait()
		check(t, "messages", fmt.Sprint(bodies(b)), "[1 2]")
		check(t, "redelivered", b.Messages("/", "q")[0].Redelivered, true)
	})
}
